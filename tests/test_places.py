"""Questions about a place of a picture, and which regions speak for an answer.

`VQA_CLICKED_SCENES=300 python -m pytest -s tests/test_places.py -k clicked` measures how often a
click on an object gets that object's name, on as many simulated scenes.
"""

from __future__ import annotations

import json
import os
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from vqa.api.app import build_api
from vqa.api.gate import ApiLimits
from vqa.batching import Batcher
from vqa.cli import main
from vqa.errors import CheckpointError, ConfigError, QuestionError
from vqa.places import WHAT_IS_IT, cut, in_whole, window
from vqa.predictor import Request
from vqa.reply_space import join_pieces
from vqa.routing import load_predictor
from vqa.world.grammar.sentences import object_phrase
from vqa.world.picture import draw_picture
from vqa.world.placement import EVALUATION_SEEDS
from vqa.world.renderer import owners
from vqa.world.scene import ATTRIBUTES

SCENES = int(os.environ.get("VQA_CLICKED_SCENES", "8"))
EXAMPLES = "vqa/page/examples"
SHAPE = "What shape is the thing right of the brown cylinder?"


@pytest.fixture(scope="module")
def router():
    return load_predictor("auto", "cpu")


@pytest.fixture(scope="module")
def row(request):
    return Image.open(request.config.rootpath / EXAMPLES / "row.jpg")


def boxed(regions, weights) -> list[tuple]:
    """The regions with a weight of at least a quarter, from left to right."""
    return sorted(box for box, weight in zip(regions, weights, strict=True) if weight >= 0.25)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_clicked_object_gets_its_name(router, language, capsys):
    rng, right, clicks = Random(1), 0, 0
    for number in range(SCENES):
        picture = draw_picture(EVALUATION_SEEDS.start + 77, number)
        owner = owners([picture.scene], picture.camera[None])[0].numpy()
        requests, names = [], []
        for k, thing in enumerate(picture.scene.objects):
            rows, columns = np.nonzero(owner == k)
            at = rng.randrange(len(rows))
            place = ((columns[at] + 0.5) / 320, (rows[at] + 0.5) / 240)
            image = Image.fromarray(picture.pixels)
            requests.append(Request(image, WHAT_IS_IT[language], place))
            values = {name: thing.attribute(name) for name in ATTRIBUTES}
            names.append(join_pieces(object_phrase(values, language, k).pieces))
        answers = router.ask_batch(requests, checkpoint="scenes")
        right += sum(a.answer == name for a, name in zip(answers, names, strict=True))
        clicks += len(names)
    with capsys.disabled():
        print(f" {language}: {right} of {clicks} clicked objects named, {right / clicks:.1%}")
    assert right / clicks > 0.85


def test_an_object_is_looked_at_alone_and_nothing_is_said_where_nothing_is(router, row):
    (answer,) = router.ask_batch([Request(row, "What color is it?", (0.2, 0.42))])
    assert answer.answer == "blue" and len(answer.regions) == 1
    x0, y0, x1, y1 = answer.regions[0]
    assert x0 < 0.2 < x1 and y0 < 0.42 < y1
    with pytest.raises(QuestionError, match="finds nothing at this place") as raised:
        router.ask_batch([Request(row, "What is it?", (0.99, 0.01))])
    assert "没有发现" in raised.value.sentence("zh")


@pytest.mark.parametrize("place", [(0.5,), (1.2, 0.5), (float("nan"), 0.5), "ab", 7])
def test_a_place_that_is_none_is_told(router, row, place):
    for checkpoint in ("scenes", "photos"):
        with pytest.raises(ConfigError, match="A place is"):
            router.ask_batch([Request(row, "What is it?", place)], checkpoint=checkpoint)


def test_a_grid_is_given_the_part_of_the_picture_around_the_place(router, row):
    photos = router.predictors["photos"]
    (there,) = photos.ask_batch([Request(row, "What is it?", (0.9, 0.5))])
    part = window(row.size, (0.9, 0.5))
    assert part == pytest.approx((0.5, 0.5 - 1 / 3, 1.0, 0.5 + 1 / 3))
    alone = photos.ask(cut(row, part), "What is it?")
    assert there.answer == alone.answer
    assert np.min(there.regions, axis=0)[0] == pytest.approx(0.5)
    whole = in_whole(torch.tensor(alone.regions), part)
    assert np.allclose(there.regions, whole, atol=1e-6)


def test_the_object_asked_about_speaks_for_the_answer(router, row):
    answer = router.ask(row, SHAPE)
    found = router.evidence(Request(row, SHAPE))
    assert found.kind == "taken_away" and len(found.weights) == len(answer.top) == 5
    (box,) = boxed(found.regions, found.weights[0])
    assert box == max(answer.regions)  # the cube at the right edge
    assert boxed(found.regions, found.weights[1]) == []


def test_what_a_reply_speaks_of(router, row):
    for question in ("Describe the scene.", "List the colors from left to right."):
        found = router.evidence(Request(row, question))
        assert found.kind == "spoken_of"
        assert len(boxed(found.regions, found.weights[0])) == 7
    found = router.evidence(Request(row, "What is right of the brown cylinder?"))
    assert boxed(found.regions, found.weights[0]) == [max(found.regions)]


def test_of_two_products_the_shown_one_speaks(router):
    """A grid's cells: the half of a picture that has the color asked about."""
    image = Image.new("RGB", (320, 240), "white")
    image.paste((160, 20, 30), (20, 60, 140, 200))
    found = router.evidence(Request(image, "What color is it?"), checkpoint="photos")
    weights = np.array(found.weights[0]).reshape(7, 7)
    assert 0 <= weights.min() and weights.max() <= 1
    assert weights[:, :4].sum() > weights[:, 4:].sum()


def test_a_batcher_passes_it_on(router, row):
    batcher = Batcher(router)
    request = Request(row, SHAPE, (0.2, 0.42))
    assert batcher.evidence(request) == router.evidence(request)
    assert batcher.ask_batch([request])[0].regions == router.ask_batch([request])[0].regions
    with pytest.raises(CheckpointError, match="no checkpoint 'x'"):
        batcher.evidence(request, checkpoint="x")
    batcher.close()


def test_a_place_over_http_and_on_the_command_line(router, row, tmp_path, capsys):
    testclient = pytest.importorskip("starlette.testclient")
    row.save(tmp_path / "row.png")
    color = "What color is it?"
    batcher = Batcher(router)
    client = testclient.TestClient(build_api(batcher, ApiLimits(), 64))

    def ask(place):
        files = {"image": (tmp_path / "row.png").read_bytes()}
        return client.post("/api/ask", files=files, data={"question": color, "place": place})

    found = ask("0.2,0.42").json()
    assert found["answer"] == "blue" and len(found["regions"]) == 1 and found["why"] == ""
    for wrong in ("0.2", "2,0", "a,b", "nan,0"):
        error = ask(wrong).json()["error"]
        assert error["kind"] == "option" and error["message"].startswith("A place is")
        assert error["message_zh"].startswith("位置是")
    batcher.close()
    command = ["predict", str(tmp_path / "row.png"), color, "--json", "--place"]
    assert main([*command, "0.2, 0.42"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == "blue"
    assert main([*command, "2,0"]) == 2
    assert "A place is" in capsys.readouterr().err
