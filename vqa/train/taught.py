"""What photographs are trained on: data sets by name as sources, with their words and answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vqa.config import PhotoConfig
from vqa.data import vqa_v2
from vqa.data.build import (
    existing_folder,
    held_back,
    is_evaluation,
    label_table,
    open_data,
    refuse_evaluation,
    split_name,
)
from vqa.data.files import copies
from vqa.data.label_schema import YES_NO
from vqa.data.labels import LabelTable
from vqa.data.sources import AskedSource, LabelSource, Source, TextSource
from vqa.errors import ConfigError, DataError
from vqa.text import AnswerSpace, Vocab, tokenize

_TEXT_ONLY = f"{vqa_v2.TEXT_ONLY}_train"


@dataclass
class Taught:
    """A source's training part, its part held back for calibration, its share of the pictures,
    and how its answers are said in other languages."""

    name: str
    train: Source
    check: Source | None
    share: float
    translations: dict[str, dict[str, str]]

    def __str__(self) -> str:
        """What is learned from, in words."""
        if self.check is None:
            return f"{said(self.name)}: questions without pictures"
        return (
            f"{said(self.name)}: {len(self.train.pictures):,} pictures to learn from, "
            f"{len(self.check.pictures):,} held back for calibration"
        )


def open_taught(name: str, config: PhotoConfig) -> list[Taught]:
    """The training data `name` as sources; the part that figures are measured on stays unseen.

    Raises:
        ConfigError: the preset has no share for this kind of data, or asks for a split that is for
            evaluation. DataError: see `vqa.data.build`.
    """
    kind, where = split_name(name)
    if kind not in config.shares:
        raise ConfigError(
            f"The preset gives no share to {kind!r} data; it knows: {', '.join(config.shares)}."
        )
    share, split = config.shares[kind], config.splits.get(kind, "train")
    if kind in ("labels", "grocery"):
        refuse_evaluation(name, split)
        table = label_table(name)
        parts = ([], [])
        for row in _teachable(table, split):
            parts[held_back(Path(row[table.schema.image]), config.validation)].append(row)
        train, check = (LabelSource(table, part, config.languages) for part in parts)
        if not train.pictures:
            raise DataError(
                f"{name} has no pictures to ask about in the split {split!r}; it has the splits: "
                f"{', '.join(table.splits)}."
            )
        return [Taught(name, train, check, share, train.translations())]
    data = open_data(name)
    samples = data.training_samples(split)
    if kind == "daquar":
        # Several things in one answer are several answers.
        samples = [_split_answer(s) for s in samples]
    parts = ([], [])
    for sample in samples:
        parts[held_back(sample.image, config.validation)].append(sample)
    taught = [Taught(name, AskedSource(parts[0]), AskedSource(parts[1]), share, {})]
    root = existing_folder(where)
    if kind == "vqa_v2" and _TEXT_ONLY in vqa_v2.text_splits(root) and config.shares.get("text"):
        kept = {(s.question, s.answers) for s in parts[1]}
        text = TextSource([q for q in vqa_v2.read_text(root, _TEXT_ONLY) if q not in kept])
        taught.append(Taught(f"{name} ({_TEXT_ONLY})", text, None, config.shares["text"], {}))
    return taught


def _teachable(table: LabelTable, split: str) -> list[dict[str, str]]:
    """Rows of a split whose picture is not, under another name, one to be measured on."""
    rows = [row for of_row, _, row in table.rows if of_row == split]
    measured = [row for of_row, _, row in table.rows if is_evaluation(of_row)]
    column = table.schema.image
    mine, others = (
        [table.pictures.find(row[column], row[column]) for row in part] for part in (rows, measured)
    )
    known = copies(mine, others)
    return [row for row, picture in zip(rows, mine, strict=True) if picture not in known]


def said(name: str) -> str:
    """A data set as a card names it: without folders of this machine."""
    kind, where = split_name(name)
    return f"{kind}:{', '.join(Path(part).name for part in where.split(','))}"


def _split_answer(sample):
    parts = tuple(part.strip() for part in sample.answer.split(","))
    return type(sample)(sample.image, sample.question, parts, sample.kind)


def vocabularies(taught: Sequence[Taught], config: PhotoConfig) -> tuple[Vocab, AnswerSpace]:
    """Words and answers of the training parts; those that occur too seldom are left out.

    Raises:
        ConfigError: no answer is left.
    """
    words: Counter = Counter()
    answers: Counter = Counter()
    always: set[str] = set()
    for part in taught:
        made = isinstance(part.train, LabelSource)
        for text in part.train.texts():
            tokens = set(tokenize(text))
            words.update(tokens)
            if made:  # it is asked many times, though its words are in one template only
                always |= tokens
        for answer, n in part.train.answers().items():
            if answer and (n >= config.least_answers or (made and n > 0)):
                answers[answer] += n
    known = [w for w, n in words.items() if n >= config.least_words or w in always]
    if not answers:
        raise ConfigError(
            f"No answer occurs {config.least_answers} times in the training data; lower "
            "least_answers in the preset or add data."
        )
    yes_no = {"zh": dict(zip(YES_NO["en"], YES_NO["zh"], strict=True))}
    translations: dict[str, dict[str, str]] = {}
    for table in (yes_no, *(part.translations for part in taught)):
        for language, said in table.items():
            translations.setdefault(language, {}).update(
                {k: v for k, v in said.items() if k in answers}
            )
    ordered = tuple(sorted(answers, key=lambda a: (-answers[a], a)))
    return Vocab(tuple(sorted(known, key=lambda w: (-words[w], w)))), AnswerSpace(
        ordered, translations
    )
