"""What the guides link to is there, and what they name is where they say."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDES = sorted([*ROOT.glob("README*.md"), ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
ARCHITECTURE = [ROOT / "docs" / name for name in ("architecture.md", "architecture.zh.md")]


def links_of(guide: Path) -> list[tuple[str, Path]]:
    """(text, file) of the links to files beside the guide, without their anchors."""
    found = LINK.findall(guide.read_text(encoding="utf-8"))
    targets = [(text, target.partition("#")[0]) for text, target in found if "://" not in target]
    return [(text, (guide.parent / target).resolve()) for text, target in targets if target]


def defined_in(path: Path) -> set[str]:
    """Classes and functions of a module."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def named_in(guide: Path) -> set[tuple[str, Path]]:
    """(name, module) of what a guide names as [`name`](module.py)."""
    return {
        (text.strip("`"), path)
        for text, path in links_of(guide)
        if path.suffix == ".py" and text.startswith("`")
    }


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_links_lead_somewhere(guide):
    missing = [
        f"{text}: {path.relative_to(ROOT)}" for text, path in links_of(guide) if not path.exists()
    ]
    assert not missing


@pytest.mark.parametrize("guide", ARCHITECTURE, ids=lambda guide: guide.name)
def test_what_is_named_is_defined_there(guide):
    named = named_in(guide)
    assert len(named) > 20
    lacking = [f"{name} in {path.name}" for name, path in named if name not in defined_in(path)]
    assert not lacking


def test_both_languages_have_the_same_formulas_and_name_the_same_code():
    english, chinese = (
        guide.read_text(encoding="utf-8").split("$$")[1::2] for guide in ARCHITECTURE
    )
    assert english and chinese == english
    assert named_in(ARCHITECTURE[0]) == named_in(ARCHITECTURE[1])


def test_headings_that_are_linked_to_exist():
    for guide in ARCHITECTURE:
        text = guide.read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
        for target in re.findall(r"\]\(#([^)]+)\)", text):
            assert target in anchors, f"{guide.name} has no heading for #{target}"
