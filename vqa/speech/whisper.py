"""Whisper (Radford et al. 2022) in place of the project's recogniser, through transformers."""

from __future__ import annotations

import contextlib
from pathlib import Path
from threading import Thread
from time import perf_counter

import torch

from vqa.audio import RATE, load_audio
from vqa.errors import AudioError, CheckpointError, ConfigError
from vqa.speech import recogniser, store
from vqa.speech.names import WHISPER, read_name
from vqa.speech.recogniser import Recogniser, Transcript
from vqa.text import detect_language, tokenize

DEFAULT = "openai/whisper-base"
_SURE = 0.6  # mean probability of a piece; where Whisper errs, most transcripts are below
_PIECES = 64  # of a transcript at the most


def by_name(name: str, device: torch.device | str = "cpu") -> Recogniser | WhisperRecogniser:
    """The recogniser that an option names: "own" or "whisper", or these with a colon and a folder
    behind, for Whisper also the name of a model on the hub.

    Raises:
        ConfigError: none of them, or transformers is not installed.
        CheckpointError: its weights are not here.
    """
    kind, where = read_name(name)
    if kind == WHISPER:
        return WhisperRecogniser(where or DEFAULT, device)
    return recogniser.shared(str(device), Path(where) if where else store.DEFAULT)


class WhisperRecogniser:
    """Writes down spoken questions in any wording; used like `vqa.speech.recogniser.Recogniser`.

    Args:
        name: of a model on the Hugging Face hub, or a folder with one.

    Raises:
        ConfigError: transformers is not installed. CheckpointError: the model is neither here nor
            to be had.
    """

    def __init__(self, name: str = DEFAULT, device: torch.device | str = "cpu") -> None:
        try:
            from transformers import WhisperForConditionalGeneration, WhisperProcessor
        except ImportError as error:
            raise ConfigError(
                "Whisper needs the package transformers; run pip install transformers."
            ) from error
        self.device = torch.device(device)
        # What was downloaded once is taken without asking the hub.
        for local in (True, False):
            try:
                self._processor = WhisperProcessor.from_pretrained(name, local_files_only=local)
                model = WhisperForConditionalGeneration.from_pretrained(
                    name, local_files_only=local
                )
                break
            except (OSError, ValueError) as error:
                if not local or Path(name).is_dir() or not _hub_answers():
                    raise CheckpointError(
                        f"The Whisper model {name!r} cannot be loaded; with a network it is "
                        "downloaded on first use, without one give a folder that holds it: "
                        "--speech whisper:DIR."
                    ) from error
        self._model = model.eval().to(self.device)

    @torch.inference_mode()
    def transcribe(self, source: object) -> Transcript:
        """What is said in a recording; see `Recogniser.transcribe`."""
        begin = perf_counter()
        samples = load_audio(source)
        heard = self._processor.feature_extractor(
            samples, sampling_rate=RATE, return_tensors="pt"
        ).input_features
        found = self._model.generate(
            heard.to(self.device),
            max_new_tokens=_PIECES,
            return_dict_in_generate=True,
            output_scores=True,
            return_timestamps=False,
        )
        scores = self._model.compute_transition_scores(
            found.sequences, found.scores, normalize_logits=True
        )
        text = self._processor.tokenizer.decode(found.sequences[0], skip_special_tokens=True)
        text = text.strip()
        words = tuple(tokenize(text))
        if not words:
            raise AudioError(
                "No word was heard in the recording; speak closer to the microphone.",
                zh="没有听到任何词语，请靠近麦克风再说一遍。",
            )
        confidence = float(scores[0].mean().exp())
        return Transcript(
            text=text,
            words=words,
            seconds=(),
            confidence=confidence,
            sure=confidence >= _SURE,
            language=detect_language(text),
            duration=len(samples) / RATE,
            elapsed_ms=(perf_counter() - begin) * 1000,
        )


def _hub_answers(seconds: float = 8.0) -> bool:
    """Whether the hub can be reached at all: transformers goes on trying for a minute."""
    found: list[bool] = []

    def ask() -> None:
        from huggingface_hub import constants, get_session

        with contextlib.suppress(Exception):  # of whatever library the hub's client goes through
            get_session().head(constants.ENDPOINT, timeout=seconds)
            found.append(True)

    # In a thread: no timeout of a client covers the search for an address.
    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return bool(found)
