"""WUPS against values worked out by hand from WordNet's tree and from the paper's definition."""

import pytest

from vqa import wups
from vqa.errors import DataError
from vqa.evaluate import nearness_in_meaning
from vqa.wups import WordNet, words_of


@pytest.fixture(scope="module")
def wordnet() -> WordNet:
    try:
        return WordNet()
    except DataError as error:
        pytest.skip(str(error))


# WordNet: entity 1, physical entity 2, object 3, whole 4, artifact 5, instrumentality 6,
# furnishing 7, furniture 8, seat 9; a chair and a sofa are seats (10), a table is furniture (9).
# Carnivore has depth 12, dog and cat stand in canine and feline below it (14).
@pytest.mark.parametrize(
    ("a", "b", "near"),
    [
        ("chair", "chair", 1.0),
        ("chair", "sofa", 2 * 9 / (10 + 10)),
        ("chair", "table", 2 * 8 / (10 + 9)),
        ("dog", "cat", 2 * 12 / (14 + 14)),
        # Two words for one thing, and a plural.
        ("couch", "sofa", 1.0),
        ("table", "tables", 1.0),
        # Words that WordNet does not have are near to themselves alone.
        ("garbage bin", "garbage bin", 1.0),
        ("garbage bin", "table", 0.0),
        ("xyzzy", "plugh", 0.0),
    ],
)
def test_nearness_of_words(wordnet, a, b, near):
    assert wordnet.nearness(a, b) == pytest.approx(near)
    assert wordnet.nearness(b, a) == pytest.approx(near)


def test_words_of_several_parts_are_found(wordnet):
    assert wordnet.nearness("coffee table", "coffee table") == 1
    assert 0.9 < wordnet.nearness("coffee table", "table") < 1


@pytest.mark.parametrize(
    ("said", "true", "threshold", "value"),
    [
        (["chair"], ["chair"], 0.9, 1.0),
        # 0.9 is just enough; 16/19 is not, and counts a tenth.
        (["sofa"], ["chair"], 0.9, 0.9),
        (["sofa"], ["chair"], 0.91, 0.09),
        (["table"], ["chair"], 0.9, 0.1 * 16 / 19),
        (["table"], ["chair"], 0.0, 16 / 19),
        # Order and repetition do not matter.
        (["chair", "dog"], ["dog", "chair"], 0.9, 1.0),
        (["chair", "chair"], ["chair"], 0.9, 1.0),
        # Sets: each of mine with the best of theirs, and theirs with mine; the smaller product.
        (["chair"], ["chair", "table"], 0.0, 16 / 19),
        (["chair", "table"], ["chair"], 0.0, 16 / 19),
        (["chair", "xyzzy"], ["chair"], 0.0, 0.0),
        (["chair", "sofa"], ["table"], 0.9, 0.1 * 16 / 19 * 0.1 * 2 * 8 / (10 + 9)),
        ([], ["chair"], 0.9, 0.0),
        (["chair"], [], 0.9, 0.0),
    ],
)
def test_wups_worked_examples(wordnet, said, true, threshold, value):
    assert wordnet.wups(said, true, threshold) == pytest.approx(value)


def rows(*pairs: tuple[str, str]) -> list[dict]:
    return [{"predicted": said, "answer": true} for said, true in pairs]


def test_the_report_over_questions(wordnet):
    found = nearness_in_meaning(rows(("sofa", "chair"), ("table", "chair")), wordnet)
    assert found["wups@0.9"] == pytest.approx((0.9 + 0.1 * 16 / 19) / 2)
    assert found["wups@0.0"] == pytest.approx((0.9 + 16 / 19) / 2)
    assert found["first"] == 0
    # Sofa is not near enough here.
    assert found["wups_first@0.925"] == pytest.approx((0.09 + 0.1 * 16 / 19) / 2)


def test_the_first_of_several_is_measured_apart(wordnet):
    """As published for the split by question: only the first thing of the true answer counts."""
    found = nearness_in_meaning(rows(("chair", "chair, table")), wordnet)
    assert found["first"] == found["wups_first@0.925"] == 1
    assert found["wups@0.9"] == pytest.approx(0.1 * 16 / 19)
    found = nearness_in_meaning(rows(("table", "chair, table")), wordnet)
    assert found["first"] == 0
    assert found["wups_first@0.925"] == pytest.approx(0.1 * 16 / 19)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("chair", ["chair"]),
        ("book, Garbage_Bin", ["book", "garbage bin"]),
        (" a ,, b ", ["a", "b"]),
        ("", []),
    ],
)
def test_words_of_an_answer(answer, words):
    assert words_of(answer) == words


def test_missing_files_are_named_with_the_remedy(tmp_path, monkeypatch):
    pytest.importorskip("nltk")
    with pytest.raises(DataError, match="apt install wordnet-base") as error:
        WordNet(tmp_path)
    assert str(tmp_path) in str(error.value)
    monkeypatch.setattr(wups, "_FOLDERS", (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(DataError, match="wordnet-base"):
        WordNet()
