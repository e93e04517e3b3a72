"""A data set looked over before training: what is in it, what is wrong, what guessing scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vqa.data.build import Data, is_evaluation, training_split
from vqa.data.files import content
from vqa.data.sample import Sample, score
from vqa.errors import ImageError
from vqa.image import load_image
from vqa.text import detect_language, normalize_answer, tokenize

_TOP = 10
_EXAMPLES = 3


@dataclass(frozen=True)
class Part:
    """One split in counts.

    Attributes:
        pictures, questions: how many. each: answers of a question on average.
        kinds, answers: questions of each type, and with each answer (the one most people gave).
        examples: a few samples.
    """

    pictures: int
    questions: int
    each: float
    kinds: Counter
    answers: Counter
    examples: list[Sample]


@dataclass(frozen=True)
class Comparison:
    """An evaluation split seen from the split that a model for it is trained on.

    Attributes:
        train: that split. shared: pictures that are in both. same: further ones whose file is
            byte for byte that of a training picture with another name.
        words: share of the questions' running words that occur in training questions.
        answers: share of questions whose answer is a training answer.
        guess: score in [0, 1] of the most frequent training answer of each type of question.
        measure: "VQA accuracy" where several people answered, else "exact match".
    """

    train: str
    shared: int
    same: int
    words: float
    answers: float
    guess: float
    measure: str


@dataclass(frozen=True)
class Survey:
    """What `survey` finds: splits and comparisons by the split's name; `unreadable` holds an
    error for each of the `pictures` different pictures that cannot be read."""

    name: str
    parts: dict[str, Part]
    comparisons: dict[str, Comparison]
    pictures: int
    unreadable: dict[Path, ImageError]


def survey(
    data: Data,
    languages: Sequence[str] = ("en",),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Survey:
    """Reads all questions, and opens every picture once.

    Args:
        progress: told (pictures opened, pictures in all).

    Raises:
        DataError: a file is not what its format says.
    """
    samples = {split: data.samples(split, languages) for split in data.splits}
    pictures = list(dict.fromkeys(s.image for part in samples.values() for s in part))
    unreadable, contents = {}, {}
    for done, picture in enumerate(pictures, start=1):
        try:
            load_image(picture)
            contents[picture] = content(picture)
        except ImageError as error:
            unreadable[picture] = error
        progress(done, len(pictures))
    comparisons = {}
    for split in filter(is_evaluation, samples):
        train = training_split(data, split)
        if train is not None:
            comparisons[split] = _compared(samples[train], samples[split], train, contents)
    parts = {split: _counted(part) for split, part in samples.items()}
    return Survey(data.name, parts, comparisons, len(pictures), unreadable)


def _counted(samples: Sequence[Sample]) -> Part:
    return Part(
        pictures=len({s.image for s in samples}),
        questions=len(samples),
        each=sum(len(s.answers) for s in samples) / len(samples),
        kinds=Counter(s.kind for s in samples),
        answers=Counter(s.answer for s in samples),
        examples=[
            samples[len(samples) * k // _EXAMPLES] for k in range(min(_EXAMPLES, len(samples)))
        ],
    )


def _compared(
    taught: Sequence[Sample],
    asked: Sequence[Sample],
    train: str,
    contents: Mapping[Path, bytes],
) -> Comparison:
    words = {word for s in taught for word in tokenize(s.question)}
    answers = {normalize_answer(answer) for s in taught for answer in set(s.answers)}
    running = [word for s in asked for word in tokenize(s.question)]
    several = any(len(s.answers) > 1 for s in asked)
    seen, shown = {s.image for s in taught}, {s.image for s in asked}
    files = {contents.get(picture) for picture in seen} - {None}
    return Comparison(
        train=train,
        shared=len(seen & shown),
        same=sum(contents.get(picture) in files for picture in shown - seen),
        words=sum(word in words for word in running) / max(1, len(running)),
        answers=sum(normalize_answer(s.answer) in answers for s in asked) / len(asked),
        guess=blind_score(taught, asked),
        measure="VQA accuracy" if several else "exact match",
    )


def blind_score(taught: Sequence[Sample], asked: Sequence[Sample]) -> float:
    """Mean score in [0, 1] of always giving the most frequent training answer of the question's
    type in its language (of all questions where training has none of it)."""
    everything = "", ""
    counts: dict[tuple[str, str], Counter] = {}
    for s in taught:
        for group in (everything, _group(s)):
            counts.setdefault(group, Counter())[s.answer] += 1
    usual = {group: c.most_common(1)[0][0] for group, c in counts.items()}
    return sum(score(usual.get(_group(s), usual[everything]), s) for s in asked) / len(asked)


def _group(sample: Sample) -> tuple[str, str]:
    return sample.kind, detect_language(sample.question)


def survey_text(found: Survey) -> str:
    """A survey for people."""
    width = max(len(split) for split in ("split", *found.parts))
    lines = [
        found.name,
        f"{'split':{width}}  pictures  questions  answers each  different answers",
    ]
    for split, part in found.parts.items():
        lines.append(
            f"{split:{width}}  {part.pictures:8,}  {part.questions:9,}  {part.each:12.3g}  "
            f"{len(part.answers):17,}"
        )
    made = any(kind.endswith("?") for part in found.parts.values() for kind in part.kinds)
    types = "Types of question" + (' ("?": answered by yes or no)' if made else "")
    for title, name in ((types, "kinds"), ("Answers", "answers")):
        lines.append(f"{title}:")
        for split, part in found.parts.items():
            lines.append(f"  {split}: {_top(getattr(part, name), part.questions)}")
    lines.append("Examples:")
    for split, part in found.parts.items():
        lines += [
            f"  {split}: {s.question} -> {' | '.join(dict.fromkeys(s.answers))} ({s.image.name})"
            for s in part.examples
        ]
    for split, c in found.comparisons.items():
        part = found.parts[split]
        lines += [
            f"{split}, from {c.train}:",
            f"  pictures also in {c.train}: {c.shared:,} of {part.pictures:,}"
            + ("; figures say little about new pictures" if c.shared else ""),
            *_same_files(c),
            f"  known: {c.words:.1%} of the words, {c.answers:.1%} of the answers",
            f"  the most frequent answer of each type scores {c.guess:.1%} ({c.measure})",
        ]
    if not found.comparisons:
        lines.append(
            f"There is nothing to measure against: all pictures are in {', '.join(found.parts)}; "
            "add pictures, or a column split with train and test."
        )
    if found.unreadable:
        count = len(found.unreadable)
        lines.append(f"Pictures that cannot be read: {count:,} of {found.pictures:,}")
        shown = list(found.unreadable.items())[:_TOP]
        lines += [f"  {path}: {error}" for path, error in shown]
        if count > _TOP:
            lines.append(f"  and {count - _TOP:,} more")
    else:
        lines.append(f"Pictures: all {found.pictures:,} can be read.")
    return "\n".join(lines)


def _same_files(c: Comparison) -> list[str]:
    if not c.same:
        return []
    return [f"  the same file under another name in {c.train}: {c.same:,}; leave these out of it"]


def _top(counts: Counter, total: int) -> str:
    shown = [f"{name} {n / total:.1%}" for name, n in counts.most_common(_TOP)]
    rest = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest else "")
