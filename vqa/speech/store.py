"""The speech checkpoint: a folder like the others, but no network that answers.

model.safetensors    weights of the acoustic encoder, half precision
ngrams.safetensors   how probable each word of a question is after those before it
speech.json          format version, the encoder's sizes, the vocabulary
card.json            what it was trained on and how, figures, limits
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file

from vqa.audio import MELS
from vqa.checkpoint import SHIPPED, SPEECH_FILE, fill, read_json, write_json
from vqa.config import AudioEncoderConfig, from_dict
from vqa.errors import CheckpointError, ConfigError
from vqa.models.audio_encoder import AudioEncoder
from vqa.models.ngrams import NGrams
from vqa.speech.card import card_page
from vqa.text import Vocab

FORMAT = 2
FILES = ("model.safetensors", "ngrams.safetensors", SPEECH_FILE, "card.json")
DEFAULT = SHIPPED / "speech"


@dataclass(frozen=True)
class SpeechCheckpoint:
    """An acoustic encoder in evaluation mode with what is needed to write down what it hears."""

    folder: Path
    encoder: AudioEncoder
    vocab: Vocab
    ngrams: NGrams
    card: dict


def find(name_or_dir: str | Path) -> Path | None:
    """The folder of a shipped speech checkpoint ("speech") or of a path; None where there is no
    speech checkpoint."""
    places = (Path(name_or_dir), SHIPPED / name_or_dir)
    return next((folder for folder in places if (folder / SPEECH_FILE).is_file()), None)


def check(folder: Path) -> None:
    """Raises CheckpointError: a file is missing; says which."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"The speech checkpoint {folder} lacks {', '.join(missing)}; train one with "
            "python -m vqa train configs/speech.json --out DIR and take it with --speech own:DIR, "
            "or get a complete copy."
        )


def load(folder: Path = DEFAULT, device: torch.device | str = "cpu") -> SpeechCheckpoint:
    """Loads a speech checkpoint strictly.

    Raises:
        CheckpointError: a file is missing or damaged, the version is another one, or weights do
            not fit; says which.
    """
    check(folder)
    stored = read_json(folder / SPEECH_FILE)
    if stored.get("format") != FORMAT:
        raise CheckpointError(
            f"The speech checkpoint {folder} has format {stored.get('format')!r} and this version "
            f"of vqa reads format {FORMAT}; use the matching version."
        )
    try:
        config = from_dict(AudioEncoderConfig, stored.get("encoder"), "encoder")
        vocab = Vocab.from_dict(stored.get("questions"))
        encoder = AudioEncoder(config, MELS, len(vocab))
    except ConfigError as error:
        raise CheckpointError(f"The speech checkpoint {folder} cannot be built: {error}") from error
    try:
        weights = load_file(folder / "model.safetensors")
        ngrams = NGrams.from_arrays(load_arrays(folder / "ngrams.safetensors"))
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"The speech checkpoint {folder} is damaged ({type(error).__name__}); get a fresh copy."
        ) from error
    fill(encoder, weights, folder)
    card = read_json(folder / "card.json")
    return SpeechCheckpoint(folder, encoder.eval().to(device), vocab, ngrams, card)


def save(
    folder: Path,
    encoder: AudioEncoder,
    config: AudioEncoderConfig,
    vocab: Vocab,
    ngrams: NGrams,
    card: dict,
) -> None:
    """Writes a speech checkpoint; each file is put in place whole."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft.", dir=folder))
    try:
        weights = {k: v.detach().half().contiguous().cpu() for k, v in encoder.state_dict().items()}
        save_file(weights, draft / "model.safetensors")
        save_arrays(ngrams.arrays(), draft / "ngrams.safetensors")
        described = {
            "format": FORMAT,
            "encoder": asdict(config),
            "questions": vocab.to_dict(),
        }
        write_json(draft / SPEECH_FILE, described)
        for path in draft.iterdir():
            path.chmod(0o644)
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    write_card(folder, card)


def write_card(folder: Path, card: dict) -> None:
    """Writes a card and the page about it."""
    write_json(folder / "card.json", card)
    (folder / "README.md").write_text(card_page(card, folder), encoding="utf-8")
