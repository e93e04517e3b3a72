"""Data sets in their official layouts: read right, and whatever is off is named."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from vqa.data.build import open_data
from vqa.errors import ConfigError, DataError

V2 = "v2_OpenEnded_mscoco_{}_questions.json", "v2_mscoco_{}_annotations.json"
CLASSES = (
    "Class Name (str),Class ID (int),Coarse Class Name (str),Coarse Class ID (int),"
    "Iconic Image Path (str),Product Description Path (str)\n"
    "Granny-Smith,1,Apple,0,/i.jpg,/d.txt\nRed-Beet,9,Red-Beet,4,/i.jpg,/d.txt\n"
)


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 16), "gray").save(path)


def write(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def edit(path: Path, change) -> None:
    value = json.loads(path.read_text("utf-8"))
    change(value)
    write(path, value)


def vqa_v2(folder: Path) -> None:
    """The layout of the full originals: years in the names, a picture folder for each split."""
    people = ["net"] * 7 + ["nets", "a net", "racket"]
    for split, start in (("train2014", 1), ("val2014", 5)):
        questions, annotations = [], []
        for k in range(start, start + 3):
            asked = {"image_id": 42 + start, "question": f"What is {k}?", "question_id": k}
            questions.append(asked)
            answers = [{"answer": a, "answer_id": n + 1} for n, a in enumerate(people)]
            # Annotations come in an order of their own.
            annotations.insert(0, {"question_id": k, "answer_type": "other", "answers": answers})
        write(folder / V2[0].format(split), {"data_subtype": split, "questions": questions})
        write(folder / V2[1].format(split), {"annotations": annotations})
        draw(folder / split / f"COCO_{split}_{42 + start:012d}.jpg")


def easy_vqa(folder: Path) -> None:
    for split, number in (("train", 0), ("test", 7)):
        asked = [["what shape is there?", "circle", number], ["is it red?", "no", number]]
        write(folder / split / "questions.json", [*asked, ["what color is it?", "teal", number]])
        draw(folder / split / "images" / f"{number}.png")


def daquar(folder: Path) -> None:
    header = "question,answer,image_id\n"
    rows = 'what is left,cup,image1\n"what, then","book, scissor",image2\nhow many,3,image1\n'
    write(folder / "data.csv", header + rows)
    write(folder / "data_train.csv", header + "what is left,cup,image1\nhow many,3,image2\n")
    write(folder / "data_eval.csv", header + "what,book,image1\n")
    write(folder / "train_images_list.txt", "image1\n")
    write(folder / "test_images_list.txt", "image2\n")
    for name in ("image1", "image2"):
        draw(folder / "images" / f"{name}.png")


def grocery(folder: Path) -> None:
    write(folder / "classes.csv", CLASSES)
    for split, count in (("train", 5), ("test", 1)):
        lines = []
        for k in range(count):
            for path, ids in (("Fruit/Granny-Smith", "1, 0"), ("Vegetables/Red-Beet", "9, 4")):
                lines.append(f"{split}/{path}_{k}.jpg, {ids}")
                draw(folder / f"{split}/{path}_{k}.jpg")
        write(folder / f"{split}.txt", "\n".join(lines) + "\n")


KINDS = {f.__name__: f for f in (vqa_v2, easy_vqa, daquar, grocery)}


@pytest.fixture
def made(request, tmp_path) -> tuple[Path, str]:
    """(folder, name) of a data set of the kind the test is parametrised with."""
    KINDS[request.param](tmp_path)
    return tmp_path, f"{request.param}:{tmp_path}"


def of(kind: str):
    return pytest.mark.parametrize("made", [kind], indirect=True)


def read(name: str, split: str) -> list:
    return open_data(name).samples(split)


@of("vqa_v2")
def test_vqa_v2(made):
    data = open_data(made[1])
    assert data.splits == ("train2014", "val2014")
    samples = data.samples("val2014")
    assert [s.question for s in samples] == ["What is 5?", "What is 6?", "What is 7?"]
    assert {s.image for s in samples} == {made[0] / "val2014" / "COCO_val2014_000000000047.jpg"}
    assert len(samples[0].answers) == 10 and samples[0].answer == "net"
    assert samples[0].answers[-1] == "racket" and samples[0].kind == "other"


@of("vqa_v2")
def test_vqa_v2_finds_pictures_in_one_folder_too(made):
    shutil.move(made[0] / "train2014", made[0] / "images")
    assert read(made[1], "train2014")[0].image.parent == made[0] / "images"


@of("vqa_v2")
def test_vqa_v2_questions_without_pictures_are_text_only(made):
    from vqa.data import vqa_v2 as reader

    folder, name = made
    for pattern in V2:
        shutil.copy(folder / pattern.format("train2014"), folder / pattern.format("text_only_x"))
    assert open_data(name).splits == ("train2014", "val2014")
    assert reader.text_splits(folder) == ["text_only_x"]
    shutil.rmtree(folder / "train2014")
    texts = list(reader.read_text(folder, "text_only_x"))
    assert [question for question, _ in texts] == ["What is 1?", "What is 2?", "What is 3?"]
    assert all(len(answers) == 10 for _, answers in texts)


@of("easy_vqa")
def test_easy_vqa(made):
    data = open_data(made[1])
    assert data.splits == ("train", "test")
    found = [(s.question, s.answer, s.kind) for s in data.samples("test")]
    assert found == [
        ("what shape is there?", "circle", "shape"),
        ("is it red?", "no", "yes/no"),
        ("what color is it?", "teal", "color"),
    ]
    assert data.samples("test")[0].image == made[0] / "test" / "images" / "7.png"


@of("daquar")
def test_daquar_has_two_protocols(made):
    data = open_data(made[1])
    assert data.splits == ("train", "test", "by_question_train", "by_question_test")
    train, test = data.samples("train"), data.samples("test")
    assert [(s.question, s.answer, s.kind) for s in train] == [
        ("what is left", "cup", "one"),
        ("how many", "3", "number"),
    ]
    assert [(s.question, s.answer, s.kind) for s in test] == [
        ("what, then", "book, scissor", "several")
    ]
    assert test[0].image == made[0] / "images" / "image2.png"
    assert [s.answer for s in data.samples("by_question_train")] == ["cup", "3"]
    assert [s.answer for s in data.samples("by_question_test")] == ["book"]


@of("grocery")
def test_grocery(made):
    data = open_data(made[1])
    assert data.splits == ("train", "test") and data.guessed is not None
    named = [s for s in data.samples("test") if not s.kind.endswith("?")]
    assert [(s.image.name, s.kind, s.answer) for s in named] == [
        ("Granny-Smith_0.jpg", "coarse", "Apple"),
        ("Granny-Smith_0.jpg", "fine", "Granny Smith"),
        ("Red-Beet_0.jpg", "coarse", "Red Beet"),
        ("Red-Beet_0.jpg", "fine", "Red Beet"),
    ]
    assert Counter(s.image for s in data.samples("train")) == dict.fromkeys(
        {s.image for s in data.samples("train")}, 4
    )


LATIN = "qüestion".encode("latin-1")


def questions(change):
    return lambda f: edit(f / V2[0].format("train2014"), lambda v: change(v["questions"]))


def annotations(change):
    return lambda f: edit(f / V2[1].format("train2014"), lambda v: change(v["annotations"]))


def easy(change):
    return lambda f: edit(f / "train" / "questions.json", change)


def line(name: str, text: str):
    """Adds a line to a text file."""
    return lambda f: write(f / name, (f / name).read_text("utf-8") + text + "\n")


@pytest.mark.parametrize(
    ("made", "change", "says"),
    [
        ("vqa_v2", lambda f: shutil.rmtree(f / "train2014"), "no picture 'COCO_train2014_0"),
        ("vqa_v2", questions(lambda q: q[1].update(question_id=99)), "question 1.*99 has no ann"),
        ("vqa_v2", questions(lambda q: q[2].update(question_id=1)), "question 2.*1 is there twice"),
        ("vqa_v2", annotations(lambda a: a.append(a[0])), "annotation 3.*3 is there twice"),
        ("vqa_v2", annotations(lambda a: a[0].update(answers=[])), "question id 3.*no answers"),
        ("vqa_v2", annotations(lambda a: a[0].pop("answers")), "question id 3.*malformed answers"),
        ("vqa_v2", annotations(lambda a: a[0].update(answers="net")), "malformed answers"),
        ("vqa_v2", questions(lambda q: q[1].pop("image_id")), "question 1.*image_id is missing"),
        ("vqa_v2", questions(lambda q: q[1].update(image_id="../1")), "question 1.*image_id.*1'"),
        ("vqa_v2", questions(lambda q: q[1].update(question=" ")), "question 1.*question is empty"),
        ("vqa_v2", questions(lambda q: q.clear()), "holds no questions"),
        ("vqa_v2", lambda f: write(f / V2[0].format("train2014"), "[1]"), "list under 'questions'"),
        ("vqa_v2", lambda f: write(f / V2[1].format("train2014"), "{"), "not readable JSON"),
        ("vqa_v2", lambda f: (f / V2[0].format("train2014")).write_bytes(LATIN), "not readable"),
        ("easy_vqa", lambda f: (f / "train/images/0.png").unlink(), "question 0.*no picture '0'"),
        ("easy_vqa", easy(lambda v: v[1].__setitem__(2, "../../a")), "question 1.*no picture"),
        ("easy_vqa", easy(lambda v: v[1].__setitem__(1, "")), "question 1.*no answer"),
        ("easy_vqa", easy(lambda v: v[1].__setitem__(0, "")), "question 1.*question is empty"),
        ("easy_vqa", easy(lambda v: v[2].pop()), "question 2.*question, answer, image id"),
        ("easy_vqa", easy(lambda v: v.clear()), "should hold a list"),
        ("easy_vqa", lambda f: write(f / "train" / "questions.json", ""), "not readable JSON"),
        ("daquar", lambda f: (f / "images/image1.png").unlink(), "row 2.*no picture 'image1'"),
        ("daquar", line("data.csv", "what,,image1"), "row 5.*answer is empty"),
        ("daquar", line("data.csv", "what,a,b,image1"), "row 5: 4 values.*names 3.*quotes"),
        ("daquar", line("train_images_list.txt", "image2"), "test_images_list.txt, line 1: image2"),
        ("daquar", lambda f: write(f / "train_images_list.txt", ""), "no questions in the split"),
        ("daquar", lambda f: (f / "train_images_list.txt").write_bytes(LATIN), "UTF-8"),
        ("daquar", lambda f: (f / "data.csv").write_bytes(LATIN), "data.csv.*UTF-8"),
        ("daquar", lambda f: (f / "data.csv").unlink(), "data.csv is missing"),
        ("daquar", lambda f: write(f / "data.csv", "question,image_id\n"), "column 'answer'"),
        ("grocery", lambda f: shutil.rmtree(f / "train"), "train.txt, line 1.*no picture"),
        ("grocery", line("train.txt", "train/a.jpg, 1, 4"), "train.txt, line 11.*coarse id"),
        ("grocery", line("train.txt", "train/a.jpg, 1"), "train.txt, line 11"),
        ("grocery", line("train.txt", "test/Fruit/Granny-Smith_0.jpg, 1, 0"), "in train and in t"),
        ("grocery", line("classes.csv", "Pear,3"), "classes.csv, row 4: 2 values"),
        ("grocery", lambda f: (f / "train.txt").write_bytes(LATIN), "train.txt.*UTF-8"),
        ("grocery", lambda f: (f / "classes.csv").unlink(), "classes.csv is missing"),
    ],
    indirect=["made"],
)
def test_what_is_off_is_named(made, change, says):
    folder, name = made
    change(folder)
    with pytest.raises(DataError, match=says):
        data = open_data(name)
        data.samples(data.splits[0])


def test_groceries_without_lists_are_named(tmp_path):
    write(tmp_path / "classes.csv", CLASSES)
    with pytest.raises(DataError, match="no pictures in train.txt"):
        open_data(f"grocery:{tmp_path}")


@pytest.mark.parametrize("name", ["world:x", "mnist:x", "daquar", "daquar:", ":x", ""])
def test_unknown_data_lists_what_there_is(name):
    with pytest.raises(ConfigError, match="folder:DIR|world:heldout"):
        open_data(name)


@pytest.mark.parametrize("kind", ["clevr", "vqa_v2", "easy_vqa", "daquar", "folder", "grocery"])
def test_a_folder_that_is_not_there_is_named(kind, tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        open_data(f"{kind}:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize(
    ("made", "train", "kept"),
    [
        ("vqa_v2", ["train2014"], ["val2014"]),
        ("easy_vqa", ["train"], ["test"]),
        ("daquar", ["train", "by_question_train"], ["test", "by_question_test"]),
        ("grocery", ["train"], ["test"]),
    ],
    indirect=["made"],
)
def test_evaluation_splits_are_not_trained_on(made, train, kept):
    data = open_data(made[1])
    for split in train:
        assert data.training_samples(split) == data.samples(split)
    for split in kept:
        assert data.samples(split)
        with pytest.raises(ConfigError, match=f"{split!r} is for evaluation"):
            data.training_samples(split)
    with pytest.raises(ConfigError, match=f"no split 'fold'.*{train[0]}"):
        data.samples("fold")
