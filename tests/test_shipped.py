"""The shipped checkpoints: they answer their examples, and their logits are those of the record.

`python tests/test_shipped.py` writes the record anew after a checkpoint was trained.
"""

import json
from pathlib import Path

import pytest
import torch

from vqa import load_predictor
from vqa.checkpoint import SHIPPED
from vqa.image import load_image, to_tensor
from vqa.predictor import Request
from vqa.text import prepare_question
from vqa.world.grammar import answer_in

FOLDER = Path(__file__).parent
EXAMPLES = FOLDER.parent / "vqa" / "page" / "examples"
GOLDEN = FOLDER / "golden" / "scenes.json"
# By hand, from the pictures.
ANSWERS = {
    "How many metal things are right of the yellow sphere?": "4",
    "What color is the small cube left of the red cylinder?": "gray",
    "List the colors from left to right.": "gray, green, yellow, red, blue, gray, blue",
    "从左到右列出所有物体的颜色": "灰色、绿色、黄色、红色、蓝色、灰色、蓝色",
    "黄色球体的右边有几个金属物体？": "4",
    "红色圆柱体左边的小立方体是什么颜色？": "gray",
    "How many yellow things are there?": "4",
    "What is the material of the big red thing?": "rubber",
    "Is there a purple object that has the same size as the green cylinder?": "yes",
    "有几个黄色的物体？": "4",
    "大的红色物体是什么材质的？": "rubber",
    "有和绿色圆柱体一样大小的紫色物体吗？": "yes",
    "What shape is the thing right of the brown cylinder?": "cube",
    "Describe the scene.": "There are seven objects. From left to right: a large blue rubber "
    "cube, a large cyan rubber cube, a large cyan rubber cube, a small yellow metal sphere, a "
    "small cyan rubber cylinder, a small brown rubber cylinder and a small green metal cube.",
    "What's the colour of the ball?": "yellow",
    "棕色圆柱体右边的物体是什么形状？": "cube",
    "描述一下这张图片": "画面中有七个物体。从左到右依次是：一个大的蓝色橡胶立方体、"
    "一个大的青色橡胶立方体、一个大的青色橡胶立方体、一个小的黄色金属球体、一个小的青色橡胶圆柱体、一个小的棕色橡胶圆柱体和"
    "一个小的绿色金属立方体。",
    "How many other things are the same size as the brown cube?": "4",
    "What is right of the gray ball?": "a small blue rubber cube",
    "Is the red ball the same material as the blue cube?": "yes",
    "有几个球体？": "4",
    "红色的球和蓝色的立方体材质一样吗？": "yes",
}
ASKED = [
    (entry["image"], language, text)
    for entry in json.loads((EXAMPLES / "examples.json").read_text("utf-8"))
    for language, texts in entry["questions"].items()
    for text in texts
]


@pytest.fixture(scope="module")
def predictor():
    return load_predictor("scenes", device="cpu")


@torch.inference_mode()
def logits(predictor, image: str, text: str) -> list[float]:
    checkpoint = predictor.checkpoint
    size = checkpoint.config.image_encoder.image_size
    pixels = to_tensor(load_image(EXAMPLES / image), size).unsqueeze(0)
    ids = prepare_question(text, checkpoint.vocab).ids
    out = checkpoint.network(pixels, torch.tensor([ids]), torch.tensor([len(ids)]))
    return out.logits[0].tolist()


@pytest.mark.parametrize(("image", "language", "text"), ASKED, ids=[text for _, _, text in ASKED])
def test_every_example_is_answered_right(predictor, image, language, text):
    answer = predictor.ask(EXAMPLES / image, text)
    assert answer.answer == answer_in(language, ANSWERS[text])
    # Of a list of seven values one may be in doubt.
    assert answer.sure or (answer.kind == "list" and answer.confidence > 0.9)


@pytest.mark.parametrize("place", range(0, len(ASKED), 4))
def test_logits_are_those_of_the_record(predictor, place):
    image, _, text = ASKED[place]
    recorded = json.loads(GOLDEN.read_text("utf-8"))[text]
    # Different processors add in different orders; another checkpoint differs far more.
    assert logits(predictor, image, text) == pytest.approx(recorded, abs=0.05)


def test_size_and_card():
    folder = SHIPPED / "scenes"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 20e6
    card = json.loads((folder / "card.json").read_text("utf-8"))
    assert card["parameters"] <= 5_000_000
    assert card["command"].startswith("python -m vqa train configs/scenes_replies.json")
    assert card["started_from"]["command"].startswith("python -m vqa train configs/scenes.json")
    assert card["figures"] and card["limits"] and card["licence"]


@pytest.mark.parametrize("name", ["photos", "scenes", "speech"])
def test_what_a_card_tells_people_is_in_both_languages(name):
    card = json.loads((SHIPPED / name / "card.json").read_text("utf-8"))
    for key in ("limits", "trained_on"):
        assert len(card[key]) == len(card[f"{key}_zh"]) > 0
    told = [card["summary_zh"], *card["limits_zh"], *card["trained_on_zh"]]
    assert all(any("一" <= char <= "鿿" for char in text) for text in told)


def test_a_photograph_is_not_answered_surely(predictor):
    """Nothing like the training world: a picture of random patches."""
    patches = torch.randint(0, 256, (12, 16, 3), generator=torch.Generator().manual_seed(1))
    picture = patches.repeat_interleave(20, 0).repeat_interleave(20, 1).byte().numpy()
    assert not predictor.ask(picture, "What color is the sphere?").sure


@pytest.mark.parametrize(
    ("image", "question"),
    [
        ("workshop.jpg", "What is left of the small gray cube?"),
        ("spheres.jpg", "What is right of the blue cube?"),
        ("row.jpg", "蓝色立方体的左边是什么？"),
    ],
)
def test_what_is_named_where_nothing_stands_is_not_sure(predictor, image, question):
    assert not predictor.ask(EXAMPLES / image, question).sure


def test_a_list_of_nothing_says_so(predictor):
    asked = "List the colors of the purple spheres from left to right."
    answer = predictor.ask(EXAMPLES / "row.jpg", asked)
    assert (answer.answer, answer.items) == ("none", ())


@pytest.mark.parametrize(
    ("text", "sides", "there", "not_there"),
    [
        (
            "What is {side} the {thing}?",
            ("left of", "right of", "behind", "in front of"),
            ("brown cylinder", "yellow ball"),
            ("red ball", "purple cylinder", "gray cube"),
        ),
        (
            "{thing}的{side}是什么？",
            ("左边", "右边", "后面"),
            ("棕色的圆柱体", "黄色的球体"),
            ("红色的球体", "紫色的圆柱体", "灰色的立方体"),
        ),
    ],
    ids=["en", "zh"],
)
def test_nothing_is_surely_beside_what_is_not_there(predictor, text, sides, there, not_there):
    def asked(things):
        texts = [text.format(side=side, thing=thing) for side in sides for thing in things]
        return predictor.ask_batch([Request(EXAMPLES / "row.jpg", t) for t in texts])

    assert not any(answer.sure for answer in asked(not_there))
    assert any(answer.sure for answer in asked(there))


if __name__ == "__main__":
    shipped = load_predictor("scenes", device="cpu")
    record = {text: logits(shipped, image, text) for image, _, text in ASKED}
    rounded = {text: [round(x, 4) for x in row] for text, row in record.items()}
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(rounded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
