"""Checkpoints: folders that explain themselves.

    model.safetensors   weights, half precision where that loses nothing
    config.json         format version and the network's sizes
    vocab.json          question words and answers
    card.json           what it was trained on and how, figures, calibration, limits, licence

Weights are safetensors only: unpickling a downloaded file can run code, reading these cannot.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from vqa.config import ModelConfig, from_dict, to_dict
from vqa.errors import CheckpointError, ConfigError
from vqa.models.network import VQANetwork, build
from vqa.reply_space import ReplySpace
from vqa.text import AnswerSpace, Vocab

FORMAT = 1
FILES = ("model.safetensors", "config.json", "vocab.json", "card.json")
SPEECH_FILE = "speech.json"  # in place of config.json where speech is written down
SHIPPED = Path(__file__).resolve().parent.parent / "checkpoints"
_PICKLES = {".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin"}


@dataclass(frozen=True)
class Checkpoint:
    """A network in evaluation mode with everything needed to ask it."""

    name: str
    folder: Path
    network: VQANetwork
    config: ModelConfig
    vocab: Vocab
    answers: AnswerSpace
    card: dict
    replies: ReplySpace = ReplySpace()


def find(name_or_dir: str | Path) -> Path:
    """The folder of a shipped checkpoint ("scenes") or of a path.

    Raises:
        CheckpointError: there is none; lists the shipped ones. Or see `settle`.
    """
    given = Path(name_or_dir)
    try:
        is_file = given.is_file()
        places = (given, SHIPPED / given) if str(name_or_dir) else ()
        found = next((f for f in places if f.is_dir()), None)
    except OSError:  # a name longer than the system allows
        is_file, found = False, None
    if is_file:
        if given.suffix.lower() in _PICKLES:
            raise CheckpointError(
                f"{given} looks like a pickled checkpoint, which can run code when read; "
                "vqa reads folders with model.safetensors only."
            )
        raise CheckpointError(f"{given} is a file; give the folder that holds {', '.join(FILES)}.")
    if found is not None:
        settle(found)
        return found
    raise CheckpointError(
        f"There is no checkpoint {str(name_or_dir)!r}; give a folder or one of: "
        f"{', '.join(shipped()) or 'none shipped'}."
    )


def shipped() -> list[str]:
    """Names of the checkpoints that came with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/config.json"))


def read_json(path: Path) -> dict:
    """A file that holds a JSON object.

    Raises:
        CheckpointError: it does not.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is not readable JSON ({type(error).__name__}); get a fresh copy."
        ) from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} should hold a JSON object; get a fresh copy.")
    return value


def load(name_or_dir: str | Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Loads a checkpoint strictly.

    Raises:
        CheckpointError: a file is missing or damaged, the version is another one, or weights are
            missing, unexpected or of the wrong shape; says which. Or it is one of speech, or its
            training is not finished.
    """
    folder = find(name_or_dir)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        if (folder / SPEECH_FILE).is_file():
            raise CheckpointError(
                f"Checkpoint {folder} is a recogniser of speech, not a model that answers; give "
                "the checkpoint of a model that answers."
            )
        if len(missing) == len(FILES) and (folder / "training").is_dir():
            raise CheckpointError(
                f"The training in {folder} is not finished and there is no checkpoint yet; go on "
                "with it by the same python -m vqa train command with --resume."
            )
        pickles = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in _PICKLES)
        hint = f" ({pickles[0]} is a pickle, which vqa never reads)" if pickles else ""
        raise CheckpointError(
            f"Checkpoint {folder} lacks {', '.join(missing)}{hint}; get a complete copy."
        )
    stored = read_json(folder / "config.json")
    if stored.get("format") != FORMAT:
        raise CheckpointError(
            f"Checkpoint {folder} has format {stored.get('format')!r} and this version of vqa "
            f"reads format {FORMAT}; use the matching version."
        )
    words = read_json(folder / "vocab.json")
    try:
        config = from_dict(ModelConfig, stored.get("model"), "model")
        vocab = Vocab.from_dict(words.get("questions"))
        answers = AnswerSpace.from_dict(words.get("answers"))
        replies = ReplySpace.from_dict(words.get("replies"))
        network = build(config, len(vocab), len(answers), replies)
    except ConfigError as error:
        raise CheckpointError(f"Checkpoint {folder} cannot be built: {error}") from error
    try:
        weights = load_file(folder / "model.safetensors")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{folder / 'model.safetensors'} is damaged or not safetensors; get a fresh copy."
        ) from error
    fill(network, weights, folder)
    network.eval().to(device)
    card = read_json(folder / "card.json")
    name = folder.resolve().name
    return Checkpoint(name, folder, network, config, vocab, answers, card, replies)


def fill(network: torch.nn.Module, weights: dict[str, torch.Tensor], folder: Path) -> None:
    """Puts stored weights into a network.

    Raises:
        CheckpointError: they are not the network's own: which, in what way.
    """
    expected = network.state_dict()
    lacking = sorted(set(expected) - set(weights))
    surplus = sorted(set(weights) - set(expected))
    for names, problem in ((lacking, "lacks"), (surplus, "has unknown")):
        if names:
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            raise CheckpointError(
                f"Checkpoint {folder} {problem} weights {shown} ({len(names)} in all); "
                "its weights and config.json do not belong together."
            )
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise CheckpointError(
                f"Checkpoint {folder}: weight {name} has shape {tuple(tensor.shape)} where "
                f"config.json calls for {tuple(expected[name].shape)}."
            )
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise CheckpointError(f"Checkpoint {folder}: weight {name} is not finite.")
    network.load_state_dict({k: v.to(expected[k].dtype) for k, v in weights.items()})


def save(
    folder: Path,
    network: VQANetwork,
    config: ModelConfig,
    vocab: Vocab,
    answers: AnswerSpace,
    card: dict,
    replies: ReplySpace | None = None,
) -> None:
    """Writes a checkpoint beside `folder` and then puts it in place, whole or not at all.

    A process that is killed at any moment leaves the old checkpoint or the new one, see `settle`.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    settle(folder)
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.draft-*"):
        shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.draft-", dir=folder.parent))
    draft.chmod(0o755)
    try:
        half = {
            k: (_halved(v) if v.is_floating_point() else v).contiguous().cpu()
            for k, v in network.state_dict().items()
        }
        save_file(half, draft / "model.safetensors")
        (draft / "model.safetensors").chmod(0o644)
        described = {"format": FORMAT, "model": to_dict(config)}
        words = {"questions": vocab.to_dict(), "answers": answers.to_dict()}
        if replies is not None and config.further_heads:
            words["replies"] = replies.to_dict()
        for name, value in (("config", described), ("vocab", words), ("card", card)):
            write_json(draft / f"{name}.json", value)
        if folder.exists():
            draft.rename(_next(folder))
            settle(folder)
        else:
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def settle(folder: Path) -> None:
    """Puts in place what an interrupted `save` left complete beside `folder`.

    Over an existing checkpoint a new one is written whole, renamed to `.NAME.next`, and only then
    moved file by file, so that other files of the folder (a README, say) stay. Any number of
    processes may do this at once.

    Raises:
        CheckpointError: the files cannot be moved.
    """
    ready = _next(folder)
    try:
        for path in sorted(ready.iterdir()):
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                os.replace(path, folder / path.name)
        ready.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        raise CheckpointError(
            f"Checkpoint {folder} was being saved and {ready} has the rest of it, which cannot be "
            f"moved ({error.strerror}); allow writing there."
        ) from error


def _next(folder: Path) -> Path:
    folder = Path(os.path.abspath(folder))
    return folder.with_name(f".{folder.name}.next")


def _halved(weight: torch.Tensor) -> torch.Tensor:
    """In half precision, unless a value is beyond its range."""
    half = weight.half()
    return half if half.isfinite().all() else weight


def write_json(path: Path, value: dict) -> None:
    """Writes JSON for people: indented, non-ASCII as it is, a newline at the end; atomic."""
    partial = path.with_name(f".{path.name}.tmp")
    partial.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)
