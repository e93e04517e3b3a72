"""The shipped checkpoints know what they do not know, and "auto" asks the right one.

Pictures of the simulated world are drawn here; photographs come from the folder `VQA_DATA`.
"""

import csv
import io
import os
import zipfile
from pathlib import Path
from random import Random

import pytest

from vqa import load_predictor
from vqa.predictor import Request
from vqa.world.picture import draw_picture

FOLDER = os.environ.get("VQA_DATA")
EACH = 100
# Far from the seeds of training and of evaluation.
SEED = 424242
ASKED = {
    "scenes": ("How many metal cubes are there?", "有几个球？", "What color is the sphere?"),
    "photos": ("What is it?", "这是什么？", "What color is it?"),
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def router():
    return load_predictor("auto", device="cpu")


@pytest.fixture(scope="module")
def scenes():
    return [draw_picture(SEED, k, 160, 120).pixels for k in range(EACH)]


def held_out(name: str) -> list[bytes]:
    """Some pictures that nothing was trained on, as files."""
    path = Path(FOLDER) / f"{name}.zip"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with zipfile.ZipFile(path) as packed:
        if name == "fashion":
            rows = csv.DictReader(io.TextIOWrapper(packed.open("products.csv"), "utf-8"))
            names = [f"images/{row['id']}.jpg" for row in rows if row["split"] == "test"]
        elif name == "grocery":
            names = [line.split(",")[0] for line in packed.read("test.txt").decode().splitlines()]
        else:
            # Questions are split, not pictures: these have all been seen.
            names = [n for n in packed.namelist() if n.endswith((".png", ".jpg"))]
        return [packed.read(n) for n in Random(1).sample(sorted(names), EACH)]


def answers(router, pictures, asked_of: str, checkpoint: str):
    questions = ASKED[asked_of]
    requests = [Request(p, questions[k % len(questions)]) for k, p in enumerate(pictures)]
    return router.ask_batch(requests, checkpoint=checkpoint)


def share(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def check(router, pictures, own: str, other: str) -> None:
    """Pictures of `own`: strange to `other`, not to `own`, and `own` is asked about them."""
    flagged = [not a.familiar for a in answers(router, pictures, other, other)]
    assert share(flagged) >= 0.95
    flagged = [not a.familiar for a in answers(router, pictures, own, own)]
    assert share(flagged) <= 0.03
    assert share(a.checkpoint == own for a in answers(router, pictures, own, "auto")) >= 0.98


@pytest.mark.skipif(not FOLDER, reason="VQA_DATA does not name the data folder")
@pytest.mark.parametrize("name", ["fashion", "grocery", "daquar"])
def test_photographs_are_strange_to_scenes_and_go_to_photos(router, name):
    check(router, held_out(name), "photos", "scenes")


def test_scenes_are_strange_to_photos_and_go_to_scenes(router, scenes):
    check(router, scenes, "scenes", "photos")


def test_what_is_strange_is_never_sure(router, scenes):
    assert not any(a.sure for a in answers(router, scenes, "photos", "photos") if not a.familiar)
