"""What is read aloud: questions of the simulated world, follow-ups, and those about photographs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np

from vqa.data.label_schema import Column, read_schema
from vqa.data.questions import world_vocab
from vqa.errors import DataError, plainly
from vqa.text import Vocab, tokenize
from vqa.world.dialogues import sample_dialogue
from vqa.world.families import FAMILIES
from vqa.world.placement import sample_objects, scene_rng
from vqa.world.questions import QuestionSampler
from vqa.world.replies import REPLY_FAMILIES
from vqa.world.scene_index import SceneIndex

PER_SCENE = 16
# Of the questions about a scene. Follow-ups and photographs are asked about in few words.
_WORLD, _FOLLOWING, _PHOTOS = 9, 3, 4
_WEIGHTS = {**dict.fromkeys(FAMILIES, 1.0), **dict.fromkeys(REPLY_FAMILIES, 0.5)}
_STREAM = 5  # of a scene's random numbers
# Two spellings of what sounds the same and means the same: it is written in the second.
SPELLINGS = {"colour": "color", "colours": "colors", "grey": "gray"}


class QuestionTexts:
    """Questions to be read; those of one seed and number are always the same.

    Args:
        seed: of the scenes and questions; those of evaluation are not below a million.
        schemas: files with questions about photographs (see `vqa.data.label_schema`).
    """

    def __init__(self, seed: int, schemas: Sequence[Path]) -> None:
        self.seed = seed
        self._columns = [column for path in schemas for column in _columns(path)]
        self._samplers = {
            language: QuestionSampler(seed, _WEIGHTS, (language,), decorated=0.15, noise=0.0)
            for language in ("en", "zh")
        }

    def about(self, number: int, language: str) -> list[str]:
        """`PER_SCENE` questions, most of them about scene `number`."""
        rng = Random(f"spoken/{self.seed}/{number}/{language}")
        index = SceneIndex(sample_objects(scene_rng(self.seed, number, _STREAM)))
        sampled = self._samplers[language].sample(index, _WORLD, number)
        texts = [question.text for question in sampled]
        dialogue = sample_dialogue(index, language, _FOLLOWING + 1, rng) or ()
        texts += [exchange.text for exchange in dialogue[1:]]
        texts += self._photos(_PHOTOS, language, rng)
        while len(texts) < PER_SCENE:
            texts.append(rng.choice(texts))
        rng.shuffle(texts)
        return texts

    def _photos(self, count: int, language: str, rng: Random) -> list[str]:
        if not self._columns:
            return []
        texts = []
        while len(texts) < count:
            column = rng.choice(self._columns)
            confirm = column.confirm.get(language) and column.values.get("zh")
            if confirm and rng.random() < 0.7:
                value = rng.choice(_sayable(column, language))
                texts.append(rng.choice(column.confirm[language]).replace("{value}", value))
            elif column.ask.get(language):
                texts.append(rng.choice(column.ask[language]))
        return texts

    def vocab(self) -> Vocab:
        """Every word and character that is ever read, in a fixed order."""
        words = set()
        for column in self._columns:
            for language in ("en", "zh"):
                texts = [*column.ask.get(language, ()), *column.confirm.get(language, ())]
                texts = [text.replace("{value}", " ") for text in texts]
                if column.values.get("zh"):
                    texts += _sayable(column, language)
                words |= {token for text in texts for token in tokenize(text)}
        known = world_vocab().words
        return Vocab((*known, *sorted(words - set(known))))


def spelt(tokens: Sequence[str]) -> list[str]:
    """Tokens in the spelling that transcripts have."""
    return [SPELLINGS.get(token, token) for token in tokens]


def spelt_alike(vocab: Vocab) -> np.ndarray:
    """For each id of a vocabulary the id that stands for it in transcripts, (U,)."""
    ids = np.arange(len(vocab))
    for other, written in SPELLINGS.items():
        if other in vocab and written in vocab:
            other_id, written_id = vocab.encode((other, written))
            ids[other_id] = written_id
    return ids


def _columns(path: Path) -> list[Column]:
    """The columns of a schema, whatever table it is for."""
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
        named = [stored["image"], stored.get("split", ""), *stored["columns"]]
        named += [column.get("of", "") for column in stored["columns"].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"The schema {path} cannot be read: {plainly(error)}.") from error
    return list(read_schema(Path(path), named).columns.values())


def _sayable(column: Column, language: str) -> list[str]:
    """A column's values as said in `language`, without figures and foreign letters."""
    if language == "en":
        said = [value.lower() for value in column.values["zh"]]
        return [text for text in said if all(c.isalpha() or c in " -'" for c in text)]
    return [text for text in column.values["zh"].values() if not any(c.isascii() for c in text)]
