"""A checkpoint as a folder that can be pushed to a model hub or run as a Space.

The folder holds the checkpoint, this package, `app.py` and `requirements.txt`, and a README whose
front matter is what Hugging Face reads (model card and Space configuration).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from vqa.checkpoint import FILES, load
from vqa.errors import ConfigError, VQAError
from vqa.figures import table
from vqa.outputs import check_new, made, writing

_PACKAGE = Path(__file__).parent
_APP = '''"""Serves the page on the checkpoint in this folder."""

import sys
from pathlib import Path

from vqa.serving import main

if __name__ == "__main__":
    here = str(Path(__file__).parent)
    sys.exit(main(["--checkpoint", here, "--host", "0.0.0.0", *sys.argv[1:]]))
'''


def publish(name_or_dir: str | Path, out: Path) -> list[str]:
    """Writes the folder and returns the names of what is in it.

    Raises:
        CheckpointError: see `vqa.checkpoint.load`. ConfigError: `out` exists and is not empty, or
            cannot be written.
    """
    checkpoint = load(name_or_dir)
    check_new(out)
    with made(out), writing(out):
        for name in FILES:
            shutil.copyfile(checkpoint.folder / name, out / name)
        if (checkpoint.folder / "examples").is_dir():
            shutil.copytree(checkpoint.folder / "examples", out / "examples")
        shutil.copytree(
            _PACKAGE, out / "vqa", ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
        )
        requirements = _PACKAGE.parent / "requirements.txt"
        shutil.copyfile(requirements, out / "requirements.txt")
        (out / "app.py").write_text(_APP, encoding="utf-8")
        (out / "README.md").write_text(_readme(checkpoint), encoding="utf-8")
    return sorted(path.name for path in out.iterdir())


def upload(out: Path, repo: str) -> str:
    """Pushes a published folder to the Hugging Face model repository `repo`; returns its address.

    Raises:
        ConfigError: huggingface_hub is not installed. VQAError: the upload failed; says why.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise ConfigError(
            "Uploading needs huggingface_hub: pip install huggingface_hub; "
            f"the folder {out} is ready to be pushed by hand."
        ) from None
    hub = HfApi()
    try:
        hub.create_repo(repo, exist_ok=True)
        return str(hub.upload_folder(repo_id=repo, folder_path=str(out)))
    except Exception as error:  # the hub's many errors are all the same to the user
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise VQAError(f"The upload to {repo} failed ({reason}); {out} is ready.") from error


def _readme(checkpoint) -> str:
    card = checkpoint.card
    results = [
        {
            "task": {"type": "visual-question-answering"},
            "dataset": {"name": label, "type": label.split(":")[0]},
            "metrics": [{"type": "accuracy", "value": round(100 * figures["accuracy"], 2)}],
        }
        for label, figures in card.get("figures", {}).items()
        if "accuracy" in figures
    ]
    front = {
        "license": str(card.get("licence", "other")).lower(),
        "language": card.get("languages", ["en"]),
        "tags": ["visual-question-answering", "vqa", "pytorch"],
        "pipeline_tag": "visual-question-answering",
        "library_name": "vqa",
        "title": card.get("name", checkpoint.name),
        "sdk": "gradio",
        "app_file": "app.py",
        "model-index": [{"name": card.get("name", checkpoint.name), "results": results}],
    }
    # JSON is YAML; so no value needs quoting rules of its own.
    matter = "\n".join(f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in front.items())
    limits = "\n".join(f"- {limit}" for limit in card.get("limits", []))
    figures = table(card, checkpoint.folder, "en") if results else "None measured yet."
    return (
        f"---\n{matter}\n---\n\n# {front['title']}\n\n{card.get('summary', '')}\n\n"
        f"{card.get('summary_zh', '')}\n\n"
        "```python\nfrom vqa import load_predictor\n\n"
        'answer = load_predictor(".").ask("picture.jpg", "What is it?")\n'
        "print(answer.answer, answer.confidence)\n```\n\n"
        f"`python app.py` serves the page.\n\n## Figures\n\n{figures}\n\n## Limits\n\n{limits}\n\n"
        f"Made by `{card.get('command', '?')}`.\n"
    )
