"""What training is given: nothing that figures are measured on, in no disguise."""

import json

import pytest
from PIL import Image

from vqa.config import PhotoConfig
from vqa.errors import ConfigError
from vqa.train.taught import open_taught, said

CONFIG = PhotoConfig(shares={"labels": 1.0, "vqa_v2": 1.0, "text": 1.0}, validation=0.3)


def picture(path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), (shade, 0, 0)).save(path)


def test_a_copy_of_a_test_picture_is_not_trained_on(tmp_path):
    rows = ["image,split,kind"]
    for k in range(8):
        # The picture test.png is also there as 3.png.
        picture(tmp_path / f"{k}.png", 30 * k)
        rows.append(f"{k}.png,train,{'mug' if k % 2 else 'cup'}")
    picture(tmp_path / "test.png", 90)
    rows.append("test.png,test,mug")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(rows))
    (taught,) = open_taught(f"labels:{table}", CONFIG)
    names = {p.name for part in (taught.train, taught.check) for p in part.pictures}
    assert names == {f"{k}.png" for k in range(8)} - {"3.png"}


@pytest.fixture
def coco(tmp_path):
    """20 pictures with a question each, which text_only_train has too, and one more there."""
    asked = [{"question_id": k, "image_id": k, "question": f"what is {k}?"} for k in range(21)]
    told = [{"question_id": k, "image_id": k, "answers": [{"answer": "mug"}]} for k in range(21)]
    for split, n in (("train", 20), ("text_only_train", 21)):
        for name, key, values in (
            ("v2_OpenEnded_mscoco_{}_questions.json", "questions", asked),
            ("v2_mscoco_{}_annotations.json", "annotations", told),
        ):
            value = {"data_subtype": "train2014", key: values[:n]}
            (tmp_path / name.format(split)).write_text(json.dumps(value))
    for k in range(20):
        picture(tmp_path / "images" / "train2014" / f"COCO_train2014_{k:012d}.jpg", 10 * k)
    return tmp_path


def test_questions_of_pictures_held_back_are_not_taught_as_text(coco):
    pictures, text = open_taught(f"vqa_v2:{coco}", CONFIG)
    kept = set(pictures.check.texts())
    assert 0 < len(kept) < 20 and len(set(pictures.train.texts())) == 20 - len(kept)
    assert set(text.train.texts()) == {f"what is {k}?" for k in range(21)} - kept
    assert text.check is None


def test_a_kind_without_a_share_is_named(tmp_path):
    with pytest.raises(ConfigError, match="'daquar'.*labels"):
        open_taught(f"daquar:{tmp_path}", CONFIG)


def test_a_card_names_data_without_folders_of_this_machine():
    assert said("labels:/home/me/shop.csv,/home/me/schema.json") == "labels:shop.csv, schema.json"
