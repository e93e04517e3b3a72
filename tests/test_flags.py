import json
from pathlib import Path

import pytest
from fakes import scene_picture
from PIL import Image

from vqa.cli import main
from vqa.data.folder import read, splits
from vqa.errors import ConfigError, DataError
from vqa.flags import Flags

ROOT = Path(__file__).parent.parent


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


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_corrections_are_learned_by_the_documented_commands(tmp_path, capsys):
    kept = Flags(tmp_path / "corrections")
    for k in range(12):
        picture = Image.new("RGB", (96 + k, 96), (20 * k, 250 - 20 * k, 90))
        kept.add(picture, "What is it?", "a samovar", {"disputed": "shirts", "confidence": 0.4})
    preset = json.loads((ROOT / "configs" / "own.json").read_text())
    few = preset | {"steps": 12, "pictures": 8, "validation": 0.25}
    (tmp_path / "few.json").write_text(json.dumps(few))
    data, out = f"folder:{tmp_path / 'corrections'}", str(tmp_path / "corrected")
    assert main(["data", "check", data]) == 0
    learn = ["--data", data, "--from", "photos", "--out", out, "--threads", "1"]
    assert main(["train", str(tmp_path / "few.json"), *learn]) == 0
    assert main(["evaluate", out, "--data", data]) == 0
    one = next((tmp_path / "corrections" / "images").iterdir())
    capsys.readouterr()
    assert main(["predict", str(one), "What is it?", "--checkpoint", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == "samovar"  # no answer of photos' own


def test_too_few_corrections_to_train_on_are_told(tmp_path, capsys):
    Flags(tmp_path / "corrections").add(scene_picture(), "What is it?", "a mug", {})
    where = ["--data", f"folder:{tmp_path / 'corrections'}", "--out", str(tmp_path / "out")]
    assert main(["train", str(ROOT / "configs" / "own.json"), *where]) == 2
    assert "add pictures" in capsys.readouterr().err
