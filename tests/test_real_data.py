"""The public data sets as their owners publish them; skipped where `VQA_DATA` names no folder."""

import os
import zipfile
from pathlib import Path

import pytest

from vqa.blind import baselines
from vqa.data import vqa_v2
from vqa.data.build import open_data
from vqa.data.check import survey

FOLDER = os.environ.get("VQA_DATA")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER, reason="VQA_DATA does not name the data folder"),
]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """name -> folder with the contents of NAME.zip."""

    def unpack(name: str) -> Path:
        archive = Path(FOLDER) / f"{name}.zip"
        if not archive.is_file():
            pytest.skip(f"{archive} is not there")
        target = tmp_path_factory.mktemp(name)
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(target)
        return target

    return unpack


def test_easy_vqa_gives_much_away(unpacked):
    data = open_data(f"easy_vqa:{unpacked('easy_vqa')}")
    train, test = data.samples("train"), data.samples("test")
    assert (len(train), len(test)) == (38575, 9673)
    found = baselines(data, "test", test)
    # 13 answers. Guessing by type is right on half of yes and no, an eighth of colours, a third of
    # shapes; but "is there not ...?" is mostly answered by yes, "is there ...?" by no.
    assert found.majority == pytest.approx(0.435, abs=0.01)
    assert 0.62 < found.question_only < 0.72


def test_daquar_has_its_published_questions(unpacked):
    found = survey(open_data(f"daquar:{unpacked('daquar')}"))
    assert not found.unreadable
    sizes = {split: part.questions for split, part in found.parts.items()}
    # 12,468 in all, by each protocol.
    assert sizes == {
        "train": 6795,
        "test": 5673,
        "by_question_train": 9974,
        "by_question_test": 2494,
    }
    assert found.comparisons["test"].shared == found.comparisons["test"].same == 0
    assert found.comparisons["by_question_test"].shared > 1000


def test_questions_of_vqa_v2_without_pictures_are_not_those_measured_on(unpacked):
    folder = unpacked("coco_vqa")
    measured = {(s.question, s.answers) for s in open_data(f"vqa_v2:{folder}").samples("val")}
    texts = set(vqa_v2.read_text(folder, "text_only_train"))
    assert len(measured) > 300 and len(texts) > 40_000
    # Elsewhere the same may be asked, and all agree again. That people differ alike is no chance.
    both = {(question, answers) for question, answers in measured & texts if len(set(answers)) > 2}
    assert not both
