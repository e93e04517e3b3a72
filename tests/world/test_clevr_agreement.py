"""The executor against answers that CLEVR's own generator gave."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from vqa.world.plans import execute_plan, plan_of
from vqa.world.programs import execute, program_from_clevr
from vqa.world.scene import scene_from_clevr
from vqa.world.scene_index import SceneIndex


@pytest.fixture(scope="module")
def clevr_dev(tmp_path_factory) -> Path:
    """The folder with questions.json and scenes.json of clevr_dev.zip."""
    folder = os.environ.get("VQA_DATA")
    if not folder:
        pytest.skip("VQA_DATA does not name the data folder")
    archive = Path(folder) / "clevr_dev.zip"
    if not archive.is_file():
        pytest.skip(f"{archive} is not there")
    target = tmp_path_factory.mktemp("clevr_dev")
    with zipfile.ZipFile(archive) as packed:
        names = [n for n in packed.namelist() if n.endswith(".json")]
        packed.extractall(target, names)
    return next(target.rglob("questions.json")).parent


def test_every_answer_agrees(clevr_dev):
    entries = json.loads((clevr_dev / "scenes.json").read_text())["scenes"]
    indexes = {e["image_filename"]: SceneIndex(scene_from_clevr(e)) for e in entries}
    questions = json.loads((clevr_dev / "questions.json").read_text())["questions"]
    assert len(questions) == 1000
    for question in questions:
        index = indexes[question["image_filename"]]
        program = program_from_clevr(question["program"])
        assert execute(program, index).answer == question["answer"]
        assert execute_plan(plan_of(program), index).answer == question["answer"]
