"""An exported checkpoint as a folder, written whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from vqa.checkpoint import FILES, Checkpoint, load, write_json
from vqa.errors import CheckpointError
from vqa.export.graphs import OPSET, write_graphs
from vqa.export.verify import LIMIT, QUESTIONS, Difference, difference
from vqa.exported import DESCRIPTION, accelerate, fingerprint
from vqa.outputs import check_new, writing


def export(
    name_or_dir: str | Path, out: Path, questions: int = QUESTIONS, limit: float = LIMIT
) -> Difference:
    """Exports a checkpoint to ONNX and asks it `questions` questions before it is put in place.

    Raises:
        CheckpointError: see `vqa.checkpoint.load`, or a logit is more than `limit` off.
        ConfigError: `out` exists and is not empty, or packages are missing.
    """
    check_new(out)
    checkpoint = load(name_or_dir)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        draft.chmod(0o755)
        found = _fill(checkpoint, draft, questions)
        # Not "greater": what is not a number is no match either.
        if not found.largest <= limit:
            raise CheckpointError(
                f"The graphs of {checkpoint.name} differ from its network by {found.largest:.1e} "
                f"in a logit on {found.questions} questions, which is more than {limit:g}; nothing "
                "was written, use the checkpoint as it is."
            )
        if out.exists():
            out.rmdir()
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return found


def _fill(checkpoint: Checkpoint, draft: Path, questions: int) -> Difference:
    for name in (*FILES, "README.md"):
        if (checkpoint.folder / name).is_file():
            shutil.copyfile(checkpoint.folder / name, draft / name)
    graphs = write_graphs(checkpoint.network, checkpoint.config.image_encoder.image_size, draft)
    described = {
        "weights": fingerprint(draft),
        "opset": OPSET,
        "made_with": {name: version(name) for name in ("torch", "onnx")},
        "checked_with": {"onnxruntime": version("onnxruntime")},
        "graphs": graphs,
    }
    write_json(draft / DESCRIPTION, described)
    fast = accelerate(replace(checkpoint, folder=draft)).network
    found = difference(checkpoint, fast, questions)
    write_json(draft / DESCRIPTION, described | {"largest_differences": asdict(found)})
    return found
