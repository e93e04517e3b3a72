"""Modules import only modules of a lower rank, and web packages stay in the web modules."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RANKS = {
    "errors": 0,
    "config": 1,
    "device": 1,
    "heap": 1,
    "options": 1,
    "outputs": 1,
    "registry": 1,
    "running": 1,
    "spelling": 1,
    "text": 2,
    "audio": 2,
    "image": 2,
    "reply_space": 2,
    "rows": 2,
    "pictures": 3,
    "metrics": 3,
    "selective": 3,
    "vqa_accuracy": 3,
    "wups": 3,
    "world": 3,
    "models": 3,
    "data": 4,
    "checkpoint": 4,
    "speech": 5,
    "wording": 5,
    "places": 5,
    "evidence": 5.5,
    "aside": 5,
    "blind": 5,
    "evaluate": 6,
    "evaluate_replies": 6,
    "evaluate_speech": 7,
    "figures": 6,
    "train": 6,
    "predictor": 6,
    "exported": 6,
    "bench": 9,
    "compare": 7,
    "export": 7,
    "routing": 7,
    "batching": 7,
    "flags": 6,
    "bulk": 6.5,
    "page": 7,
    "pipelines": 8,
    "publish": 7,
    "api": 8,
    "scale": 8,
    "serving": 9,
    "commands": 8,
    "commands_training": 8,
    "cli": 10,
    "__main__": 11,
}
WEB = {"gradio", "gradio_client", "fastapi", "starlette", "uvicorn", "prometheus_client"}
MODULES = sorted((ROOT / "vqa").rglob("*.py"))


def part_of(path: Path) -> str:
    """The row of the table a file belongs to: vqa/page/cards.py belongs to "page"."""
    relative = path.relative_to(ROOT / "vqa")
    return relative.parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[str]:
    """Full names of all that a file imports, inside functions too, type checking left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    package = path.relative_to(ROOT).parent.parts
    names = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *filter(None, [node.module])))
            names += [f"{base}.{alias.name}" for alias in node.names]
    return names


FILES = [path for path in MODULES if part_of(path) != "__init__"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    part = part_of(path)
    assert part in RANKS, f"give {part} a rank, here and in the design"
    for name in imports_of(path):
        top, *rest = name.split(".")
        if top == "app":
            pytest.fail(f"{path.name} imports app.py")
        if top in WEB:
            assert part in {"page", "api", "serving"}, f"{path.name} imports {top}"
        if top == "ray":
            assert part == "scale", f"{path.name} imports {top}"
        if top == "torch":
            assert part != "page", f"the page needs no torch, but {path.name} imports it"
        # Names of the package itself, such as vqa.__version__, are no modules of the table.
        if top == "vqa" and rest and rest[0] in RANKS and rest[0] != part:
            assert RANKS[rest[0]] < RANKS[part], f"{path.name} imports vqa.{rest[0]}"
            assert (part, rest[0]) != ("data", "models"), "models and data meet as tensors only"


def test_the_check_sees_imports():
    assert "vqa.errors.VQAError" in imports_of(ROOT / "vqa" / "page" / "asker.py")
    assert "gradio" in imports_of(ROOT / "vqa" / "page" / "layout.py")
    assert "torch" in imports_of(ROOT / "vqa" / "image.py"), "an import inside a function counts"
