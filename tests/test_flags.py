import json

import pytest
from fakes import scene_picture

from vqa.data.folder import read, splits
from vqa.errors import ConfigError, DataError
from vqa.flags import Flags


def rows(folder):
    return [json.loads(line) for line in (folder / "questions.jsonl").open(encoding="utf-8")]


def test_corrections_are_a_data_set(tmp_path):
    Flags(tmp_path).add(scene_picture(), "What is it?", " a  mug ", {"disputed": "a cup"})
    (split,) = splits(tmp_path)
    (sample,) = read(tmp_path, split)
    assert (sample.question, sample.answers) == ("What is it?", ("a mug",))
    assert rows(tmp_path)[0]["disputed"] == "a cup"


def test_a_row_cut_off_is_removed_and_whole_ones_stay(tmp_path):
    flags = Flags(tmp_path)
    flags.add(scene_picture(), "What is it?", "a mug", {})
    with (tmp_path / "questions.jsonl").open("ab") as file:
        file.write(b'{"image": "x.p')
    Flags(tmp_path).add(scene_picture(), "What is it?", "a cup", {})
    assert [row["answer"] for row in rows(tmp_path)] == [["a mug"], ["a cup"]]
    assert len(list((tmp_path / "images").iterdir())) == 1


@pytest.mark.parametrize("correction", ["", "  ", "x" * 201])
def test_a_correction_has_some_words(tmp_path, correction):
    with pytest.raises(DataError, match="must have 1 to 200"):
        Flags(tmp_path).add(scene_picture(), "What is it?", correction, {})


def test_a_full_folder_takes_no_more_pictures(tmp_path):
    with pytest.raises(DataError, match="full"):
        Flags(tmp_path, most=10).add(scene_picture(), "What is it?", "a mug", {})
    assert rows(tmp_path) == []


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--flags .*cannot be written"):
        Flags(tmp_path / "file" / "more")
