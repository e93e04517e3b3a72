import json

import pytest
from fakes import write_examples

from vqa.page.gallery import FOLDER, load_examples


def test_examples_are_read_in_order(tmp_path):
    first, second = load_examples(write_examples(tmp_path))
    assert (first.image.size, second.image.size) == ((320, 240), (480, 360))
    assert [language for language, _ in first.questions] == ["en", "zh"]
    assert first.thumbnail.startswith("data:image/jpeg")


@pytest.mark.parametrize("text", ["", "{", "{}", "[1, null, {}]", '[{"image": "none.png"}]'])
def test_a_damaged_listing_leaves_the_page_without_examples(tmp_path, text):
    (tmp_path / "examples.json").write_text(text)
    assert load_examples(tmp_path) == ()


def test_one_bad_example_does_not_hide_the_others(tmp_path):
    write_examples(tmp_path)
    (tmp_path / "scene1.png").write_bytes(b"no picture")
    assert len(load_examples(tmp_path)) == 1


def test_a_missing_folder_is_no_error(tmp_path):
    assert load_examples(tmp_path / "none") == ()


def test_every_shipped_example_can_be_read():
    listing = FOLDER / "examples.json"
    if not listing.is_file():
        pytest.skip("no examples are shipped yet")
    examples = load_examples(FOLDER)
    assert len(examples) == len(json.loads(listing.read_text(encoding="utf-8")))
    for example in examples:
        assert {language for language, _ in example.questions} == {"en", "zh"}
