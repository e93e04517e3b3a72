"""Spoken questions made by synthesis: one at a time, or as shards that training reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from random import Random

import numpy as np

from vqa.audio import log_mel
from vqa.data.heldout import cache_folder
from vqa.speech.room import recorded, resampled
from vqa.speech.texts import PER_SCENE, QuestionTexts
from vqa.speech.voices import Voice, draw_voice, speak
from vqa.text import tokenize

SHARD = 1024  # utterances
_LONGEST = 12.0  # seconds of speech; longer questions teach nothing that shorter ones do not
_LOW, _STEP = -18.5, 0.1  # log energies are kept as bytes: -18.5 to 7


@dataclass(frozen=True)
class Utterance:
    """A question read aloud: its text and language, by whom, and samples (N,) at `RATE`."""

    text: str
    language: str
    voice: Voice
    samples: np.ndarray


@dataclass(frozen=True)
class Reading:
    """How a set of utterances is read.

    Attributes:
        seed: of everything drawn at random. languages: in turn.
        engine, group: whose voices; see `vqa.speech.voices`.
        clean: without room, noise and microphone.
        schemas: further questions; see `QuestionTexts`.
    """

    seed: int
    languages: tuple[str, ...] = ("en", "zh")
    engine: str = "espeak"
    group: str = "seen"
    clean: bool = False
    schemas: tuple[str, ...] = ()


def utterances(reading: Reading, numbers: Sequence[int]) -> Iterator[Utterance]:
    """The utterances `numbers` of a set; each depends on the reading and its number only.

    Raises:
        ConfigError: the engine is missing.
    """
    texts = QuestionTexts(reading.seed, [Path(schema) for schema in reading.schemas])
    of_scene: dict[tuple[int, str], list[str]] = {}
    for number in numbers:
        each, turn = divmod(number, len(reading.languages))
        scene, place = divmod(each, PER_SCENE)
        language = reading.languages[turn]
        if (scene, language) not in of_scene:
            of_scene = {k: v for k, v in of_scene.items() if k[0] == scene}
            of_scene[scene, language] = texts.about(scene, language)
        yield read_aloud(of_scene[scene, language][place], language, reading, number)


def read_aloud(text: str, language: str, reading: Reading, number: int) -> Utterance:
    """One text read with the voice and the room that belong to `number`."""
    rng = Random(f"voice/{reading.seed}/{reading.engine}/{reading.group}/{number}")
    voice = draw_voice(reading.engine, reading.group, language, rng)
    samples, rate = speak(text, voice)
    drawn = np.random.default_rng([reading.seed, number, len(reading.engine), 7])
    if reading.clean:
        samples = resampled(samples, rate, 1.0)
    else:
        samples = recorded(resampled(samples, rate, drawn.uniform(0.92, 1.1)), drawn)
    return Utterance(text, language, voice, samples)


@dataclass
class Spoken:
    """n utterances as training reads them.

    Attributes:
        mels: (frames of all, MELS) uint8, see `energies`. starts: (n + 1,) the first frame of
            each; the last is the end.
        tokens: (n, T) int16 word ids, 0 for padding. lengths: (n,).
    """

    mels: np.ndarray
    starts: np.ndarray
    tokens: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def energies(self, k: int) -> np.ndarray:
        """Log energies (frames, MELS) float32 of utterance `k`."""
        part = self.mels[self.starts[k] : self.starts[k + 1]]
        return part.astype(np.float32) * _STEP + _LOW


def shards_folder(reading: Reading) -> Path:
    """Where the shards of a reading are kept, below `cache_folder()`."""
    named = json.dumps(asdict(reading), ensure_ascii=False)
    return cache_folder() / f"speech-{blake2b(named.encode(), digest_size=6).hexdigest()}"


def make_shard(reading: Reading, shard: int) -> Path:
    """Writes utterances `shard` * SHARD and on, about 30 MB, if they are not there yet."""
    folder = shards_folder(reading)
    path = folder / f"{shard:05d}.npz"
    if path.exists():
        return path
    vocab = QuestionTexts(reading.seed, [Path(s) for s in reading.schemas]).vocab()
    mels, tokens = [], []
    for said in utterances(reading, range(shard * SHARD, (shard + 1) * SHARD)):
        frames = log_mel(said.samples).numpy()
        if len(frames) > _LONGEST * 100:
            continue
        mels.append(((frames - _LOW) / _STEP).round().clip(0, 255).astype(np.uint8))
        tokens.append(vocab.encode(tokenize(said.text)))
    padded = np.zeros((len(tokens), max(map(len, tokens))), np.int16)
    for row, ids in zip(padded, tokens, strict=True):
        row[: len(ids)] = ids
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    with partial.open("wb") as file:
        np.savez(
            file,
            mels=np.concatenate(mels),
            starts=np.cumsum([0, *map(len, mels)]),
            tokens=padded,
            lengths=np.array([len(ids) for ids in tokens]),
        )
    partial.replace(path)
    return path


def read_shards(paths: Sequence[Path]) -> Spoken:
    """Shards as one."""
    parts = []
    for path in paths:
        with np.load(path) as stored:
            parts.append(Spoken(**{name: stored[name] for name in stored.files}))
    longest = max(part.tokens.shape[1] for part in parts)
    tokens = [np.pad(p.tokens, ((0, 0), (0, longest - p.tokens.shape[1]))) for p in parts]
    starts = [np.zeros(1, np.int64)]
    for part in parts:
        starts.append(part.starts[1:] + starts[-1][-1])
    return Spoken(
        np.concatenate([part.mels for part in parts]),
        np.concatenate(starts),
        np.concatenate(tokens),
        np.concatenate([part.lengths for part in parts]),
    )
