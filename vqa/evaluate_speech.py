"""Measuring a speech checkpoint: error rates by voice, what they cost the answers, time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

import numpy as np
import torch

from vqa.audio import RATE
from vqa.data.heldout import held_out
from vqa.data.sample import Sample, score
from vqa.errors import AudioError, ConfigError
from vqa.image import load_image, to_tensor
from vqa.metrics import sequence_errors
from vqa.models.soft_words import soft_words
from vqa.predictor import Predictor, Request
from vqa.reply_space import WORD
from vqa.speech.recogniser import Recogniser
from vqa.speech.simulate import Reading, read_aloud
from vqa.speech.texts import spelt
from vqa.text import UNKNOWN_ID, detect_language, tokenize
from vqa.world.placement import EVALUATION_SEEDS

# (label, language, engine, group); "seen" voices read questions that training never drew.
SETS = (
    ("en seen voices", "en", "espeak", "seen"),
    ("en unseen voices", "en", "espeak", "unseen"),
    ("en other engine", "en", "flite", "unseen"),
    ("zh seen voices", "zh", "espeak", "seen"),
    ("zh unseen voices", "zh", "espeak", "unseen"),
)
_SEED = EVALUATION_SEEDS.start + 3
_DRAWS = 1000  # of the bootstrap
_BATCH = 64


@dataclass(frozen=True)
class SpeechReport:
    """How well one set of voices is understood.

    Attributes:
        questions: how many were read. error_rate: wrong, missing and superfluous words
            (characters for Chinese) by the words said, spellings of one word taken for one
            (see `vqa.speech.texts.SPELLINGS`); interval: 95 %, bootstrapped over
            questions. exact: share written down without an error.
        sure: share that needs no confirmation; sure_exact: share of those without an error.
        answer_typed, answer_spoken: accuracy of the answers to the questions as typed and as
            heard; answer_direct: where what was heard goes to the fusion undecided (see
            `vqa.models.soft_words`). None where nobody was asked.
    """

    questions: int
    error_rate: float
    interval: tuple[float, float]
    exact: float
    sure: float
    sure_exact: float
    answer_typed: float | None
    answer_spoken: float | None
    answer_direct: float | None

    def to_dict(self) -> dict:
        """Plain types, ready for JSON."""
        return dict(vars(self)) | {"interval": list(self.interval)}


def questions_to_read(recogniser: Recogniser, language: str, count: int) -> list[Sample]:
    """`count` held-out questions, alike for all voices; those with slips or foreign words, which
    nobody would say, are left out.

    Raises:
        ConfigError: there are not so many.
    """
    vocab = recogniser.checkpoint.vocab
    fit = [s for s in held_out(language) if all(t in vocab for t in tokenize(s.question))]
    if len(fit) < count:
        raise ConfigError(f"There are {len(fit):,} held-out questions; ask for no more with --n.")
    return Random(f"read/{language}").sample(fit, count)


def evaluate_voices(
    recogniser: Recogniser,
    samples: Sequence[Sample],
    language: str,
    engine: str,
    group: str,
    predictor: Predictor | None = None,
    progress: Callable[[], None] = lambda: None,
) -> tuple[SpeechReport, list[dict]]:
    """Reads the questions of `samples` aloud, with rooms and noise, and writes them down again.

    Args:
        predictor: asked both, what was typed and what was heard.

    Returns:
        The report, and a row for each question: said, heard, errors, confidence, voice.
    """
    reading = Reading(_SEED, (language,), engine, group)
    rows, direct = [], 0.0
    ids = None if predictor is None else _unit_ids(recogniser, predictor)
    for number, sample in enumerate(samples):
        said = read_aloud(sample.question, language, reading, number)
        truth = spelt(tokenize(sample.question))
        try:
            found = recogniser.transcribe((RATE, said.samples))
            heard, words, confidence, sure = found.text, found.words, found.confidence, found.sure
        except AudioError:
            heard, words, confidence, sure = "", (), 0.0, False
        if predictor is not None:
            direct += _direct(recogniser, predictor, said.samples, sample, ids)
        rows.append(
            {
                "said": sample.question,
                "heard": heard,
                "words": len(truth),
                "errors": sequence_errors(words, truth),
                "confidence": confidence,
                "sure": sure,
                "voice": said.voice.name,
            }
        )
        progress()
    typed = spoken = None
    if predictor is not None:
        typed = _accuracy(predictor, samples, [s.question for s in samples])
        spoken = _accuracy(predictor, samples, [row["heard"] for row in rows])
    errors = np.array([row["errors"] for row in rows])
    words = np.array([row["words"] for row in rows])
    sure = np.array([row["sure"] for row in rows])
    report = SpeechReport(
        questions=len(rows),
        error_rate=float(errors.sum() / words.sum()),
        interval=_interval(errors, words),
        exact=float((errors == 0).mean()),
        sure=float(sure.mean()),
        sure_exact=float((errors[sure] == 0).mean()) if sure.any() else 0.0,
        answer_typed=typed,
        answer_spoken=spoken,
        answer_direct=None if predictor is None else direct / len(rows),
    )
    return report, rows


def _accuracy(predictor: Predictor, samples: Sequence[Sample], questions: Sequence[str]) -> float:
    """Share of right answers; a question of which nothing was heard is answered wrongly."""
    right = 0.0
    for part in _parts([p for p in zip(samples, questions, strict=True) if p[1]]):
        answers = predictor.ask_batch([Request(s.image, question) for s, question in part])
        right += sum(score(a.answer, s) for a, (s, _) in zip(answers, part, strict=True))
    return right / len(samples)


def _unit_ids(recogniser: Recogniser, predictor: Predictor) -> torch.Tensor:
    """The recogniser's units as ids of the predictor's vocabulary, (U,)."""
    words = recogniser.checkpoint.vocab.words
    return torch.tensor([0, UNKNOWN_ID, *predictor.checkpoint.vocab.encode(words)])


@torch.inference_mode()
def _direct(
    recogniser: Recogniser,
    predictor: Predictor,
    samples: np.ndarray,
    sample: Sample,
    ids: torch.Tensor,
) -> float:
    """Whether the answer is right that hangs on what was heard, not on a transcript."""
    checkpoint = predictor.checkpoint
    found = recogniser.hypotheses(samples)
    words = soft_words(found, checkpoint.network.question_encoder, ids)
    if words is None:
        return 0.0
    size = checkpoint.config.image_encoder.image_size
    regions = checkpoint.network.image_encoder(to_tensor(load_image(sample.image), size)[None])
    found = checkpoint.network.answer_words(regions, words)
    if found.kinds is not None and int(found.kinds.argmax()) != WORD:
        return 0.0
    answer = checkpoint.answers.answers[int(found.logits.argmax())]
    return score(checkpoint.answers.localise(answer, detect_language(sample.question)), sample)


def _parts(items: list) -> Iterator[list]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def _interval(errors: np.ndarray, words: np.ndarray) -> tuple[float, float]:
    drawn = np.random.default_rng(0).integers(len(errors), size=(_DRAWS, len(errors)))
    low, high = np.percentile(errors[drawn].sum(1) / words[drawn].sum(1), [2.5, 97.5])
    return float(low), float(high)


def latency(recogniser: Recogniser, samples: Sequence[Sample], language: str) -> dict[str, float]:
    """Median milliseconds to write down a recording of 4 s, after a few that do not count."""
    reading = Reading(_SEED, (language,), "espeak", "unseen")
    times = []
    for number, sample in enumerate(samples):
        said = read_aloud(sample.question, language, reading, number).samples
        four = np.resize(said, 4 * RATE) if len(said) < 4 * RATE else said[: 4 * RATE]
        times.append(recogniser.transcribe((RATE, four)).elapsed_ms)
    return {"four_seconds_ms": median(times[len(times) // 5 :])}
