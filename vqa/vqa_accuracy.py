"""The accuracy of the VQA data sets (Antol et al. 2015; Goyal et al. 2017), derived and coded.

Ten people answered each question. A machine's answer is fully right when at least three people
gave it: score = min(number of people who said it / 3, 1). People differ, so that the score is
averaged over all ten ways of leaving one person out; then a person's own answers can be scored
alike. With n of ten people agreeing with the machine that average is

    (n min((n - 1) / 3, 1) + (10 - n) min(n / 3, 1)) / 10  =  min(0.3 n, 1)  for n <= 3,

that is 0, 0.3, 0.6, 0.9 for n = 0 .. 3 and 1 from four on. For ten answers closed form and average
agree; they differ for any other number of answers, where the average is what we compute.

Answers are normalised as the evaluator of VQA v2 (VQA API, 2017) does: lower case, punctuation,
number words, articles, missing apostrophes; there too only where the ten answers differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBERS = "none zero one two three four five six seven eight nine ten".split()
_DIGITS = {word: str(max(0, place - 1)) for place, word in enumerate(_NUMBERS)}
_ARTICLES = {"a", "an", "the"}
_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_PERIOD = re.compile(r"\.(?!\d)")
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
# Words that are a contraction without its apostrophe and nothing else ("its" and "well" are not).
_CONTRACTIONS = {
    word.replace("'", ""): word
    for word in (
        "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's "
        "how'd how'll how's i'm i've isn't it'd it'll let's ma'am might've mightn't must've "
        "mustn't needn't o'clock oughtn't shan't should've shouldn't somebody's someone's "
        "something's that'd that's there'd there're there's they'd they'll they're they've wasn't "
        "we've weren't what'll what're what's what've when's where'd where's where've who'd who'll "
        "who's who've why'll why're why's won't would've wouldn't y'all you'd you'll you're you've"
    ).split()
}


def normalize(answer: str) -> str:
    """An answer in the evaluator's form: "The Two." gives "2", "T-shirt" gives "t shirt"."""
    text = said = " ".join(answer.split())
    in_number = _COMMA_IN_NUMBER.search(text)
    for mark in _MARKS:
        beside_space = f"{mark} " in said or f" {mark}" in said
        text = text.replace(mark, "" if beside_space or in_number else " ")
    text = _PERIOD.sub("", text).lower()
    words = [_DIGITS.get(word, word) for word in text.split()]
    return " ".join(_CONTRACTIONS.get(w, w) for w in words if w not in _ARTICLES)


def vqa_accuracy(answer: str, people: Sequence[str]) -> float:
    """Accuracy in [0, 1] of one answer against those of several people (usually ten).

    Raises:
        ValueError: nobody answered.
    """
    if not people:
        raise ValueError("accuracy needs at least one human answer")
    said = " ".join(answer.split())
    answers = [" ".join(a.split()) for a in people]
    if len(set(answers)) > 1:
        said, answers = normalize(said), [normalize(a) for a in answers]
    if len(answers) == 1:
        return float(said.lower() == answers[0].lower())
    same = sum(a == said for a in answers)
    left_out = [same - (a == said) for a in answers]
    return sum(min(n / 3, 1.0) for n in left_out) / len(answers)
