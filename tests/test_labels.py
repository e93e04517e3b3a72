"""Tables of labels as questions: schemas given and guessed, both languages, what is off."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from vqa.data.build import open_data
from vqa.data.label_schema import Column, Schema, guess_schema, read_schema
from vqa.data.labels import LabelTable
from vqa.errors import DataError

HEADER = ["id", "colour", "sort", "title", "split"]
ROWS = [
    "1,Red,Shirt,Women's red top,train",
    "2,Blue,Shirt,Blue top for men,train",
    "3,Red,Cup,A cup,train",
    "4,Red,Cup,Cup for men and women,train",
    "5,Green,Bag,Ladies bag,test",
    "6,Blue,Shirt,,test",
]
SCHEMA = {
    "image": "id",
    "split": "split",
    "columns": {
        "colour": {
            "ask": {"en": ["what colour is it?"], "zh": ["它是什么颜色？"]},
            "confirm": {"en": ["is it {value}?"], "zh": ["它是{value}的吗？"]},
            "values": {"zh": {"Red": "红色", "Blue": "蓝色", "Green": "绿色"}},
        },
        "audience": {
            "of": "title",
            "words": {"Women": ["Women", "Women's", "Ladies"], "Men": ["Men"]},
            "ask": {"en": ["who is it for?"]},
        },
    },
}


def write(folder: Path, rows=ROWS, header=HEADER, schema=SCHEMA) -> tuple[Path, Path]:
    """(table, schema), with pictures 1 to 6."""
    (folder / "images").mkdir(exist_ok=True)
    for k in range(1, 7):
        Image.new("RGB", (8, 8)).save(folder / "images" / f"{k}.png")
    table, made = folder / "table.csv", folder / "schema.json"
    table.write_text("\n".join([",".join(header), *rows]), encoding="utf-8")
    made.write_text(schema if isinstance(schema, str) else json.dumps(schema), encoding="utf-8")
    return table, made


@pytest.fixture
def table(tmp_path) -> LabelTable:
    return LabelTable(*write(tmp_path))


def edited(**change) -> dict:
    """The schema with a changed column "colour"."""
    columns = SCHEMA["columns"]
    return SCHEMA | {"columns": columns | {"colour": columns["colour"] | change}}


def test_each_label_is_asked_for_and_confirmed(table):
    assert table.splits == ["train", "test"]
    samples = list(table.samples("test"))
    assert [(s.image.name, s.kind) for s in samples] == [
        ("5.png", "colour"),
        ("5.png", "colour?"),
        ("5.png", "audience"),
        # The sixth has no title, so nobody it is for.
        ("6.png", "colour"),
        ("6.png", "colour?"),
    ]
    assert [s.answer for s in samples if s.kind == "colour"] == ["Green", "Blue"]
    assert [s.question for s in samples if s.kind == "colour"] == ["what colour is it?"] * 2
    assert all(s.answer in ("yes", "no") for s in samples if s.kind == "colour?")


def test_chinese_questions_have_chinese_answers(table):
    samples = list(table.samples("test", ("zh",)))
    # Nothing asks for the audience in Chinese.
    assert [s.kind for s in samples] == ["colour", "colour?"] * 2
    assert [s.answer for s in samples[::2]] == ["绿色", "蓝色"]
    named = {s.question[2:4] for s in samples[1::2]}
    assert named <= {"红色", "蓝色", "绿色"}
    assert all(s.answer in ("是", "不是") for s in samples[1::2])
    both = list(table.samples("test", ("en", "zh")))
    assert len(both) == 9


def test_samples_depend_on_the_row_alone(tmp_path):
    first = {s.image.name: s for s in LabelTable(*write(tmp_path)).samples("train")}
    turned = ROWS[3::-1] + ROWS[4:]
    again = {s.image.name: s for s in LabelTable(*write(tmp_path, turned)).samples("train")}
    assert first == again and list(first) != list(again)


def test_yes_and_no_are_balanced_and_true(table):
    row = {"id": "1", "colour": "Red", "title": "", "audience": ""}
    found = Counter()
    for seed in range(600):
        question, answer = table.ask(row, "colour", "en", True, Random(seed))
        named = question.removeprefix("is it ").removesuffix("?")
        assert (named == "red") == (answer == "yes")
        found[named] += 1
    # Green is no training value, and must not be given away as one that is never right.
    assert set(found) == {"red", "blue"} and 250 < found["red"] < 350


def test_wrong_values_are_named_as_often_as_they_occur(table):
    row = {"id": "5", "colour": "Green", "title": "", "audience": ""}
    asked = [table.ask(row, "colour", "en", True, Random(seed))[0] for seed in range(900)]
    counts = Counter(asked)
    assert set(counts) == {"is it green?", "is it red?", "is it blue?"}
    # Of the colours of training three are red, one is blue.
    assert counts["is it red?"] == pytest.approx(3 * counts["is it blue?"], rel=0.3)


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("Women's red top", "Women"),
        ("blue top for MEN", "Men"),
        # What comes first counts; "Women" holds "men", but not as a word.
        ("for men and women", "Men"),
        ("for women and men", "Women"),
        ("womenswear", ""),
        ("Ladies' bag", "Women"),
        ("", ""),
    ],
)
def test_a_value_is_read_out_of_a_text(title, value):
    words = SCHEMA["columns"]["audience"]["words"]
    assert Column(of="title", words=words).read(title) == value


def test_a_schema_without_split_goes_by_the_pictures_names(tmp_path):
    found = LabelTable(*write(tmp_path, schema={**SCHEMA, "split": ""}))
    assert {split for split, _, _ in found.rows} <= {"train", "val", "test"}
    again = LabelTable(*write(tmp_path, ROWS[::-1], schema={**SCHEMA, "split": ""}))
    sides = [{row["id"]: split for split, _, row in t.rows} for t in (found, again)]
    assert sides[0] == sides[1]


def test_what_is_guessed(tmp_path):
    rows = [
        f"{k},{c},{s},title {k},{20 + k},same,train"
        for k, (c, s) in enumerate(zip("RGRGRG", "TUTUTU", strict=True), start=1)
    ]
    header = ["file", "base_colour", "article_type", "title", "price", "shop", "set"]
    table, _ = write(tmp_path, rows, header)
    data = open_data(f"labels:{table}")
    guessed = data.guessed
    assert (guessed.image, guessed.split) == ("file", "set")
    # Titles and prices are all different, and there is one shop: these are no labels.
    assert list(guessed.columns) == ["base_colour", "article_type"]
    assert "what color is it?" in guessed.columns["base_colour"].ask["en"]
    assert "这是什么？" in guessed.columns["article_type"].ask["zh"]
    assert {s.kind for s in data.samples("train")} == {
        *("base_colour", "base_colour?", "article_type", "article_type?")
    }


def test_a_guess_needs_labels():
    with pytest.raises(DataError, match="image, note looks like labels"):
        guess_schema([{"image": str(k), "note": f"n{k}"} for k in range(9)], "image", "")
    long = [{"image": str(k), "note": "x" * 41 + str(k % 2)} for k in range(9)]
    with pytest.raises(DataError, match="write a schema"):
        guess_schema(long, "image", "")


def test_a_schema_is_read_as_it_is_written(tmp_path):
    table, path = write(tmp_path)
    schema = read_schema(path, HEADER)
    path.write_text(schema.to_json(), encoding="utf-8")
    assert read_schema(path, HEADER) == schema
    assert json.loads(schema.to_json()) == SCHEMA, "what is not used is left out"
    assert json.loads(Schema("id", "", {}).to_json()) == {"image": "id", "columns": {}}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("{", "schema.json is not readable JSON"),
        ([], "should hold image, split and columns"),
        (SCHEMA | {"columns": {}}, "at least one column"),
        (SCHEMA | {"colums": {}}, "nothing else"),
        (SCHEMA | {"image": "picture"}, "no column 'picture'; it has: id, colour"),
        (SCHEMA | {"split": "part"}, "no column 'part'"),
        (SCHEMA | {"columns": {"size": {"ask": {"en": ["a?"]}}}}, "no column 'size'"),
        (edited(of="text", words={"a": ["b"]}), "no column 'text'"),
        (edited(asks={}), "colour: should hold ask, confirm"),
        (edited(ask={"fr": ["quoi?"]}), "colour: ask should be like"),
        (edited(ask={"en": "what?"}), "colour: ask should be like"),
        (edited(ask={"en": [""]}), "colour: ask should be like"),
        (edited(ask={"en": ["is it {value}?"]}), "ask questions must not have it"),
        (edited(confirm={"en": ["is it red?"]}), "'is it red\\?': confirm questions need"),
        (edited(values={"zh": "Red"}), "colour: values should be like"),
        (edited(of="title"), "colour: .*needs both"),
        (edited(words={"Red": ["red"]}), "colour: .*needs both"),
        (edited(of="title", words={"Red": []}), "colour: .*needs both"),
    ],
)
def test_what_is_off_in_a_schema_is_named(tmp_path, schema, says):
    with pytest.raises(DataError, match=says):
        LabelTable(*write(tmp_path, schema=schema))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "table.csv holds no rows"),
        ([*ROWS, "1,Red,Cup,x,test"], "row 8: 1 is in train and in test"),
        ([*ROWS, "1,Red,Cup,x,dev"], "row 8: split 'dev' is not one of train, val, test"),
        ([*ROWS, "1,Red,Cup"], "row 8: 3 values"),
    ],
)
def test_what_is_off_in_a_table_is_named(tmp_path, rows, says):
    with pytest.raises(DataError, match=says):
        LabelTable(*write(tmp_path, rows))


def test_a_picture_that_is_missing_is_named_with_its_row(tmp_path):
    table = LabelTable(*write(tmp_path, ["99,Red,Cup,x,train", *ROWS]))
    with pytest.raises(DataError, match="row 2: there is no picture '99'"):
        list(table.samples("train"))


def test_a_table_that_names_no_pictures_is_named(tmp_path):
    table, _ = write(tmp_path, ["99,Red,Cup,x,train"])
    with pytest.raises(DataError, match="row 2: no column names a picture"):
        LabelTable(table)


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parent.parent.glob("configs/schemas/*.json"))
)
def test_the_shipped_schemas_ask_the_same_in_both_languages(path):
    columns = json.loads(path.read_text("utf-8"))["columns"]
    header = {"id", "image", "split", *columns, *(c["of"] for c in columns.values() if "of" in c)}
    for name, column in read_schema(path, sorted(header)).columns.items():
        assert set(column.ask) == set(column.confirm) == {"en", "zh"}, name
        # Two values under one name could not be told apart.
        said = list(column.values.get("zh", {}).values())
        assert len(said) == len(set(said)), name
