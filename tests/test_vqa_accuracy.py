"""The official accuracy against its definition, worked out by hand, and its normalisation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqa.vqa_accuracy import normalize, vqa_accuracy


def people(**counts: int) -> list[str]:
    """people(cat=3, dog=7): three say cat, seven say dog."""
    return [answer for answer, n in counts.items() for _ in range(n)]


@pytest.mark.parametrize(
    ("n", "accuracy"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (5, 1), (9, 1), (10, 1)]
)
def test_of_ten_people_n_agree(n, accuracy):
    """With n of ten, leaving one of the n out leaves n - 1, another one n: for n = 3 that is
    3 times 2/3 and 7 times 1, of ten."""
    assert vqa_accuracy("cat", people(cat=n, dog=10 - n)) == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("given", "accuracy"),
    [
        # One person: whether it is the same answer.
        (people(cat=1), 1),
        (people(dog=1), 0),
        # Two who agree: left out either, one remains who says it.
        (people(cat=2), 1 / 3),
        # (1 x 0/3 + 2 x 1/3) / 3, where min(0.3 n, 1) would give 0.3.
        (people(cat=1, dog=2), 2 / 9),
        # (3 x 2/3 + 2 x 3/3) / 5, where min(0.3 n, 1) would give 0.9.
        (people(cat=3, dog=2), 4 / 5),
        # (3 x 2/3 + 17 x 1) / 20.
        (people(cat=3, dog=17), 19 / 20),
    ],
)
def test_other_numbers_of_people_are_averaged_the_same_way(given, accuracy):
    assert vqa_accuracy("cat", given) == pytest.approx(accuracy)


@given(
    st.lists(st.sampled_from(["cat", "dog", "owl"]), min_size=2, max_size=12),
    st.sampled_from(["cat", "dog", "owl", "fox"]),
)
def test_it_is_the_mean_over_all_ways_of_leaving_one_out(given, said):
    scores = []
    for out in range(len(given)):
        rest = given[:out] + given[out + 1 :]
        scores.append(min(rest.count(said) / 3, 1))
    assert vqa_accuracy(said, given) == pytest.approx(sum(scores) / len(scores))


def test_without_people_there_is_no_accuracy():
    with pytest.raises(ValueError, match="at least one"):
        vqa_accuracy("cat", [])


@pytest.mark.parametrize(
    ("said", "normal"),
    [
        # Articles and numbers.
        ("The Two.", "2"),
        ("a cat", "cat"),
        ("an the a", ""),
        ("none", "0"),
        ("zero", "0"),
        ("ten", "10"),
        ("eleven", "eleven"),
        ("one dog and two cats", "1 dog and 2 cats"),
        ("someone", "someone"),
        # A mark between letters parts them; beside a space it is dropped.
        ("T-shirt", "t shirt"),
        ("red/blue", "red blue"),
        ("red / blue", "red blue"),
        ("cat, dog", "cat dog"),
        ("cat,dog", "cat dog"),
        ("yes!", "yes"),
        ('"stop"', "stop"),
        ("(left)", "left"),
        # One mark beside a space makes all of the same mark vanish, as the evaluator has it.
        ("a-b -c", "ab c"),
        # A comma in a number makes all marks vanish.
        ("1,000", "1000"),
        ("1,000 t-shirts", "1000 tshirts"),
        # Periods go, but not before a digit.
        ("2.5", "2.5"),
        ("main st.", "main st"),
        ("u.s.a.", "usa"),
        # Apostrophes and colons stay; missing apostrophes come back.
        ("it's", "it's"),
        ("3:30", "3:30"),
        ("dont know", "don't know"),
        ("cant", "can't"),
        ("its", "its"),
        ("well", "well"),
        # Spaces and lines.
        ("  fire \n truck\t", "fire truck"),
        ("", ""),
    ],
)
def test_normalisation(said, normal):
    assert normalize(said) == normal


@given(st.text(max_size=30))
def test_normalisation_of_anything(text):
    found = normalize(text)
    assert found == " ".join(found.split()) and found == found.lower()


def test_answers_are_normalised_where_people_differ():
    given = ["2"] * 5 + ["two"] * 4 + ["The 2."]
    for said in ("2", "Two", "the two"):
        assert vqa_accuracy(said, given) == 1
    assert vqa_accuracy("T-shirt", ["t shirt"] * 3 + ["t-shirt"] + ["coat"] * 6) == 1


def test_where_all_people_agree_only_the_very_answer_counts():
    """The evaluator leaves everything as it is then: "two" is not "2"."""
    assert vqa_accuracy("2", ["two"] * 10) == 0
    assert vqa_accuracy("two", ["two"] * 10) == 1
    assert vqa_accuracy(" two\n", ["two"] * 10) == 1
