"""Writing down what was asked aloud."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import torch

from vqa.audio import HOP, RATE, load_audio, log_mel, normalise
from vqa.errors import AudioError, QuestionError
from vqa.models.audio_encoder import STRIDE, Heard, states_of
from vqa.models.ctc import Hypothesis, transcript
from vqa.speech.decoding import Decoder, joined
from vqa.speech.store import DEFAULT, SpeechCheckpoint, load
from vqa.text import detect_language

_SURE = 0.5  # where the card has no threshold


@dataclass(frozen=True)
class Transcript:
    """What was heard.

    Attributes:
        text: the question, without capitals and marks.
        words: its words and characters. seconds: for each, when it was heard.
        confidence: as `vqa.models.ctc.Transcript` has it. sure: whether that reaches the
            checkpoint's threshold; if not, let the speaker confirm it.
        language: "en" or "zh". duration: of the recording, seconds.
        elapsed_ms: wall time, milliseconds.
    """

    text: str
    words: tuple[str, ...]
    seconds: tuple[float, ...]
    confidence: float
    sure: bool
    language: str
    duration: float
    elapsed_ms: float

    def to_dict(self) -> dict:
        """Plain types, ready for JSON."""
        return asdict(self)


class Recogniser:
    """Writes down spoken questions. Keeps nothing of a recording; safe in several threads.

    Args:
        checkpoint: its encoder on `device`.
    """

    def __init__(self, checkpoint: SpeechCheckpoint, device: torch.device | str = "cpu") -> None:
        self.checkpoint = checkpoint
        self.device = torch.device(device)
        self._decoder = Decoder(checkpoint.vocab, checkpoint.ngrams)
        threshold = checkpoint.card.get("calibration", {}).get("threshold", _SURE)
        self._threshold = float(threshold)

    def transcribe(self, source: object) -> Transcript:
        """What is asked in a recording, which is anything that `vqa.audio.load_audio` takes.

        Raises:
            AudioError: the recording cannot be used, or no word was heard in it.
        """
        begin = perf_counter()
        samples = load_audio(source)
        found = transcript(self.hypotheses(samples))
        if not found.ids:
            raise AudioError(
                "No word was heard in the recording; speak closer to the microphone.",
                zh="没有听到任何词语，请靠近麦克风再说一遍。",
            )
        words = self._decoder.words(found.ids)
        text = joined(words)
        return Transcript(
            text=text,
            words=words,
            seconds=tuple(state * STRIDE * HOP / RATE for state in found.states),
            confidence=found.confidence,
            sure=found.confidence >= self._threshold,
            language=detect_language(text),
            duration=len(samples) / RATE,
            elapsed_ms=(perf_counter() - begin) * 1000,
        )

    def hypotheses(self, samples) -> list[Hypothesis]:
        """What may be asked in samples (N,) of `load_audio`, the likeliest first."""
        heard, states = self.encode(samples)
        return self._decoder(heard.logits[0, :states].cpu())

    @torch.inference_mode()
    def encode(self, samples) -> tuple[Heard, int]:
        """Samples (N,) of `load_audio` as the encoder hears them, a batch of one; how many states
        they have."""
        mels = normalise(log_mel(samples)).unsqueeze(0).to(self.device)
        frames = torch.tensor([mels.shape[1]])
        return self.checkpoint.encoder(mels, frames), states_of(int(frames))


A = TypeVar("A")


def listen(question: str, audio: object, device: object = "cpu") -> Transcript:
    """What a recording asks, by the shipped checkpoint.

    Args:
        question: must be empty; whoever takes both passes both on.

    Raises:
        AudioError: see `Recogniser.transcribe`. QuestionError: there are words beside it.
        CheckpointError: no speech checkpoint is here.
    """
    check_alone(question)
    return shared(str(device)).transcribe(audio)


def check_alone(question: str) -> None:
    """Raises QuestionError: there are words beside a recording."""
    if question:
        raise QuestionError(
            "Both a question and a recording were given; give one of them.",
            zh="同时收到了文字和录音，请只用其中一种提问。",
        )


def with_heard(answer: A, heard: Transcript | None) -> A:
    """A `vqa.predictor.Answer` that tells what was heard, and is no surer than that."""
    if heard is None:
        return answer
    return replace(answer, heard=heard, sure=answer.sure and heard.sure)


@cache
def shared(device: str = "cpu", folder: Path = DEFAULT) -> Recogniser:
    """The recogniser with a checkpoint, the shipped one if none is named, loaded once for each
    device.

    Raises:
        CheckpointError: there is none.
    """
    return Recogniser(load(folder, device), device)
