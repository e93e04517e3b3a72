"""What the page says where a question cannot be answered."""

import pytest
from fakes import FakePredictor, scene_picture

from vqa.page.asker import Asker
from vqa.page.parts import CheckpointInfo, PageLimits, Parts
from vqa.predictor import AUTO


@pytest.mark.parametrize(
    ("language", "says"), [("en", "no longer kept; choose it again"), ("zh", "请重新选择")]
)
def test_a_picture_that_was_deleted_is_asked_for_again(tmp_path, language, says):
    picture = tmp_path / "qzname.png"
    scene_picture().save(picture)
    asker = Asker(Parts(FakePredictor(), CheckpointInfo("fake"), PageLimits()))

    def asked() -> str:
        return str(asker.answer(str(picture), "Is there a ball?", AUTO, language, None))

    assert says not in asked()
    picture.unlink()
    assert says in asked() and "qzname" not in asked()
