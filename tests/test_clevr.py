"""Reading CLEVR's formats: what is right, and what is said when something is off."""

import json
import shutil

import numpy as np
import pytest

from vqa.data.clevr import read_questions, read_renders, read_scenes
from vqa.errors import DataError
from vqa.world.export import ExportOptions, export


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clevr") / "set"
    options = ExportOptions(folder, 4, 5, ("en", "zh"), questions=5, width=128, height=96)
    assert list(export(options)) == [1, 2, 3, 4]
    return folder


@pytest.fixture
def folder(exported, tmp_path):
    """A copy to break."""
    return shutil.copytree(exported, tmp_path / "set")


def edit(path, change) -> None:
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


def test_both_layouts_read_the_same(folder):
    flat = read_questions(folder)
    (folder / "questions").mkdir()
    (folder / "scenes").mkdir()
    (folder / "questions.json").rename(folder / "questions" / "CLEVR_val_questions.json")
    (folder / "scenes.json").rename(folder / "scenes" / "CLEVR_val_scenes.json")
    images = folder / "images"
    (folder / "all").mkdir()
    for path in images.glob("*.png"):
        path.rename(folder / "all" / path.name)
    (folder / "all").rename(images / "val")
    official = read_questions(folder, "val")
    assert [(s.question, s.answer, s.kind) for s in official] == [
        (s.question, s.answer, s.kind) for s in flat
    ]
    assert len(read_scenes(folder, "val")) == 4


def test_questions_without_program_are_read_too(folder):
    edit(folder / "questions.json", lambda v: [q.pop("program") for q in v["questions"]])
    assert {s.kind for s in read_questions(folder)} == {"other"}


def test_renders_agree_with_the_scenes(exported):
    renders = read_renders(exported, 96, 72)
    scenes = [scene for _, scene in read_scenes(exported)]
    assert renders.images.shape == (4, 72, 96, 3)
    assert renders.count.tolist() == [len(s) for s in scenes]
    for k, scene in enumerate(scenes):
        pixels = np.array([o.pixel[:2] for o in scene.objects]) / (320, 240)
        # The camera is fitted from rounded facts, so a little is allowed.
        assert np.abs(renders.centre[k, : len(scene)] - pixels).max() < 0.01
        middle = (renders.box[k, : len(scene), :2] + renders.box[k, : len(scene), 2:]) / 2
        assert np.abs(middle - pixels).max() < 0.03


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: (f / "questions.json").unlink(), "questions.json"),
        (lambda f: (f / "questions.json").write_text("{"), "not readable JSON"),
        (lambda f: (f / "questions.json").write_text("[]"), "'questions'"),
        (lambda f: (f / "questions.json").write_text('{"questions": []}'), "holds no questions"),
        (lambda f: shutil.rmtree(f / "images"), "no images folder"),
        (lambda f: (f / "images" / "VQA_000002.png").unlink(), "VQA_000002.png is missing"),
        (
            lambda f: edit(f / "questions.json", lambda v: v["questions"][3].pop("answer")),
            "question 3: answer is missing",
        ),
        (
            lambda f: edit(
                f / "questions.json",
                lambda v: v["questions"][0]["program"][0].update(function="sing"),
            ),
            "question 0",
        ),
    ],
)
def test_what_is_off_is_named(folder, change, says):
    change(folder)
    with pytest.raises(DataError, match=says.replace(".", r"\.")):
        read_questions(folder)


def test_a_scene_that_is_off_is_named(folder):
    edit(folder / "scenes.json", lambda v: v["scenes"][1]["objects"][0].update(color="pink"))
    with pytest.raises(DataError, match="VQA_000001.png.*pink"):
        read_scenes(folder)
