"""A published folder stands by itself: its page starts, its card can be read by a hub."""

import json
import subprocess
import sys

import pytest

from vqa.cli import main
from vqa.errors import ConfigError
from vqa.publish import publish, upload


@pytest.fixture(scope="module")
def published(tmp_path_factory, tiny_checkpoint):
    out = tmp_path_factory.mktemp("publish") / "space"
    publish(tiny_checkpoint, out)
    return out


def test_the_folder_answers_without_this_repository(published, tmp_path):
    code = (
        "from PIL import Image; from vqa import load_predictor; import vqa; "
        "print(vqa.__file__); "
        "print(load_predictor('.').ask(Image.new('RGB', (64, 48)), 'Is there a cube?').confidence)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=published, capture_output=True, text=True, env={}
    )
    assert done.returncode == 0, done.stderr
    where, confidence = done.stdout.split()
    assert where.startswith(str(published)) and 0 <= float(confidence) <= 1


def test_its_page_knows_its_checkpoint(published):
    done = subprocess.run(
        [sys.executable, "app.py", "--port", "99999"],
        cwd=published,
        capture_output=True,
        text=True,
        env={},
    )
    assert done.returncode == 2 and "99999" in done.stderr


def test_the_front_matter_is_what_a_hub_reads(published):
    text = (published / "README.md").read_text("utf-8")
    _, matter, body = text.split("---\n", 2)
    front = {}
    for line in matter.splitlines():
        key, value = line.split(": ", 1)
        front[key] = json.loads(value)
    assert front["pipeline_tag"] == "visual-question-answering"
    assert front["sdk"] == "gradio" and front["app_file"] == "app.py"
    assert (published / front["app_file"]).is_file()
    assert body.strip().startswith("# ")


def test_nothing_is_overwritten(published, tiny_checkpoint):
    with pytest.raises(ConfigError, match="not empty"):
        publish(tiny_checkpoint, published)


def test_uploading_without_the_library_says_what_to_do(published, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match="pip install huggingface_hub"):
        upload(published, "me/mine")


def test_the_command(tmp_path, tiny_checkpoint, capsys):
    out = tmp_path / "hub"
    assert main(["publish", str(tiny_checkpoint), "--out", str(out)]) == 0
    assert "app.py" in capsys.readouterr().out
    assert main(["publish", "nothing", "--out", str(tmp_path / "x")]) == 2
