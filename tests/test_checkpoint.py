"""Checkpoints come back as they were saved, and each kind of damage is named."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from vqa import checkpoint
from vqa.checkpoint import FILES, load, save
from vqa.data.questions import world_answers, world_vocab
from vqa.errors import CheckpointError
from vqa.models.network import build


@pytest.fixture
def folder(tiny_checkpoint, tmp_path) -> Path:
    """A copy that may be damaged."""
    return shutil.copytree(tiny_checkpoint, tmp_path / "mine")


def edit(path: Path, change) -> None:
    """Changes what a JSON file holds."""
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refusal(folder: Path | str) -> str:
    with pytest.raises(CheckpointError) as caught:
        load(folder)
    return str(caught.value)


def asked(network, pictures):
    """Answer logits of two questions about two pictures, and the regions found."""
    images = torch.from_numpy(np.stack([p.pixels for p in pictures[:2]])).permute(0, 3, 1, 2) / 255
    tokens = torch.tensor([[5, 40, 7, 0], [9, 3, 77, 21]])
    with torch.no_grad():
        out = network(images, tokens, torch.tensor([3, 4]))
    return out.logits, out.regions.mask


def test_what_was_saved_comes_back(
    tiny_checkpoint, tiny_network, tiny_model, tiny_card, pictures, monkeypatch
):
    found = load(tiny_checkpoint)
    assert (found.name, found.folder) == ("tiny", tiny_checkpoint)
    assert (found.config, found.card) == (tiny_model, tiny_card)
    assert (found.vocab, found.answers) == (world_vocab(), world_answers())
    assert not found.network.training
    logits, mask = asked(tiny_network, pictures)
    again, mask_again = asked(found.network, pictures)
    # Half precision keeps 11 bits of each weight.
    assert torch.allclose(again, logits, rtol=0.02, atol=0.05)
    assert (again.argmax(-1) == logits.argmax(-1)).all() and (mask == mask_again).all()
    # The name of a shipped checkpoint is enough.
    monkeypatch.setattr(checkpoint, "SHIPPED", tiny_checkpoint.parent)
    assert load("tiny").folder == tiny_checkpoint


def test_half_precision_is_lossy_only_once(tiny_checkpoint, tmp_path, pictures):
    first = load(tiny_checkpoint)
    copy = tmp_path / "copy"
    save(copy, first.network, first.config, first.vocab, first.answers, first.card)
    assert contents(copy) == contents(tiny_checkpoint)


def test_weights_beyond_half_precision_are_kept(tiny_model, tiny_card, tmp_path):
    network = build(tiny_model, len(world_vocab()), len(world_answers()))
    with torch.no_grad():
        network.head.score.bias[0] = 1e5
    save(tmp_path / "large", network, tiny_model, world_vocab(), world_answers(), tiny_card)
    assert load(tmp_path / "large").network.head.score.bias[0] == 1e5


def test_saving_again_replaces_its_own_files_only(folder, tiny_network, tiny_model):
    (folder / "README.md").write_text("mine")
    save(folder, tiny_network, tiny_model, world_vocab(), world_answers(), {"name": "new"})
    assert load(folder).card == {"name": "new"}
    assert (folder / "README.md").read_text() == "mine"
    assert sorted(p.name for p in folder.parent.iterdir()) == ["mine"]


def full_disk(*_):
    raise OSError("No space left on device")


@pytest.mark.parametrize("failure", ["weights", "card"])
def test_a_failed_save_leaves_the_old_checkpoint(
    folder, tiny_network, tiny_model, monkeypatch, failure
):
    before = contents(folder)
    card: dict = {"name": "new"}
    if failure == "weights":
        monkeypatch.setattr(checkpoint, "save_file", full_disk)
    else:
        card["figures"] = object()  # written last, and no JSON
    for target in (folder, folder.parent / "first"):
        with pytest.raises((OSError, TypeError)):
            save(target, tiny_network, tiny_model, world_vocab(), world_answers(), card)
    assert contents(folder) == before
    assert [p.name for p in folder.parent.iterdir()] == ["mine"], "drafts are left"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert f"lacks {name};" in refusal(folder)


def test_a_training_that_was_stopped_is_no_damaged_checkpoint(tmp_path):
    (tmp_path / "training").mkdir()
    message = refusal(tmp_path)
    assert "not finished" in message and "--resume" in message


def test_a_recogniser_of_speech_is_no_damaged_checkpoint():
    message = refusal("speech")
    assert "recogniser of speech" in message and "copy" not in message


@pytest.mark.parametrize("name", ["config.json", "vocab.json", "card.json"])
@pytest.mark.parametrize("content", [b"", b'{"a":', b"[1]", b"null", b"\xff\xfe", b"[" * 10**5])
def test_a_file_that_is_no_json_object_is_named(folder, name, content):
    (folder / name).write_bytes(content)
    message = refusal(folder)
    assert name in message and "JSON" in message and "fresh copy" in message


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_another_format_is_refused(folder, number):
    edit(folder / "config.json", lambda c: c.update(format=number))
    assert f"format {number!r}" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update(colour=1), "unknown key 'colour'"),
        (lambda m: m["fusion"].update(name="psychic"), "Unknown fusion 'psychic'; choose one of"),
        (lambda m: m["image_encoder"].update(name="eye"), "Unknown image encoder 'eye'"),
        (lambda m: m["question_encoder"].update(name="ear"), "Unknown question encoder 'ear'"),
        (lambda m: m.update(head="tail"), "Unknown head 'tail'"),
        (lambda m: m.update(dim="big"), "model.dim must be of type int"),
        (lambda m: m.update(dim=-2), "model.dim must be at least 1"),
        (lambda m: m.update(dim=15), "model.dim must be even"),
        (lambda m: m.update(fusion=None), "model.fusion must be an object"),
        (lambda m: m["fusion"].update(steps=0), "steps must be at least 1"),
        (lambda m: m["question_encoder"].update(embedding=0), "embedding must be at least 1"),
        (lambda m: m["image_encoder"].update(image_size=[64]), "image_size must hold 2 values"),
        (lambda m: m["image_encoder"].update(image_size=["a", 1]), "image_size[0] must be"),
        (lambda m: m["image_encoder"].update(image_size=[0, 48]), "image_size must be at least"),
        (lambda m: m["image_encoder"].update(regions=10**6), "regions must be at most 192"),
        (lambda m: m["image_encoder"].update(attributes={"color": 8}), "attributes.color must"),
    ],
)
def test_a_configuration_that_cannot_be_built_is_refused(folder, change, says):
    edit(folder / "config.json", lambda c: change(c["model"]))
    assert says in refusal(folder)


def test_a_lacking_configuration_is_refused(folder):
    edit(folder / "config.json", lambda c: c.pop("model"))
    assert "cannot be built" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v.pop("questions"), "vocabulary"),
        (lambda v: v["questions"].pop("words"), "words"),
        (lambda v: v["questions"].update(words=[1, 2]), "words"),
        (lambda v: v["questions"]["words"].append(v["questions"]["words"][0]), "words"),
        (lambda v: v.pop("answers"), "answers"),
        (lambda v: v["answers"].update(answers="yes"), "answers"),
        (lambda v: v["answers"].update(translations={"zh": {"yes": 1}}), "translations"),
        (lambda v: v["answers"].update(surplus=1), "surplus"),
    ],
)
def test_a_malformed_vocabulary_is_refused(folder, change, says):
    edit(folder / "vocab.json", change)
    assert says in refusal(folder)


def test_a_vocabulary_of_another_network_is_refused(folder):
    edit(folder / "vocab.json", lambda v: v["questions"]["words"].append("zebra"))
    assert "question_encoder.embed.weight has shape" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda w: w.pop("head.score.bias"), "lacks weights head.score.bias (1 in all)"),
        (lambda w: w.update(extra=torch.ones(1)), "has unknown weights extra (1 in all)"),
        (
            lambda w: w.update({"head.score.bias": torch.ones(3)}),
            "head.score.bias has shape (3,) where config.json calls for (28,)",
        ),
        (lambda w: w["head.score.bias"].fill_(torch.nan), "head.score.bias is not finite"),
        (lambda w: w["head.score.bias"].fill_(torch.inf), "head.score.bias is not finite"),
        (lambda w: w.clear(), "lacks weights"),
    ],
)
def test_wrong_weights_are_refused(folder, change, says):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")
    assert says in refusal(folder)


def test_weights_of_another_configuration_are_refused(folder):
    edit(folder / "config.json", lambda c: c["model"]["fusion"].update(steps=5))
    assert "do not belong together" in refusal(folder)


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_truncated_weights_are_refused(folder, length):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert "model.safetensors is damaged" in refusal(folder)


class Bomb:
    """Leaves a mark where it is unpickled."""

    def __reduce__(self):
        return (Path("exploded").touch, ())


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.ckpt", "m.pkl", "model.bin"])
def test_pickles_are_never_read(folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    (folder / name).write_bytes(pickle.dumps(Bomb()))
    assert "pickle" in refusal(folder / name)
    (folder / "model.safetensors").unlink()
    assert f"{name} is a pickle" in refusal(folder)
    (folder / name).rename(folder / "model.safetensors")
    assert "not safetensors" in refusal(folder)
    assert not Path("exploded").exists()


def test_another_file_is_refused(folder):
    assert "give the folder" in refusal(folder / "config.json")


@pytest.mark.parametrize("name", ["nothing", "", "x" * 5000, "a\0b", "no/such/folder"])
def test_an_unknown_name_lists_the_shipped_ones(name, tiny_checkpoint, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHIPPED", tiny_checkpoint.parent)
    assert refusal(name).endswith("one of: tiny.")


@pytest.mark.parametrize("moves", range(5))
def test_a_save_killed_between_two_files_leaves_one_checkpoint(
    folder, tiny_network, tiny_model, tiny_card, monkeypatch, moves
):
    """After `moves` of the four files are in place nothing runs any more, as after SIGKILL."""
    (folder / "README.md").write_text("mine")
    before, move, left = contents(folder), os.replace, [moves]

    def until_killed(source, target):
        if Path(target).parent == folder:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        move(source, target)

    space = replace(world_answers(), translations={})
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(checkpoint.os, "replace", until_killed)
        save(folder, tiny_network, tiny_model, world_vocab(), space, tiny_card | {"name": "new"})
    assert (contents(folder) == before) == (moves == 0)
    found = load(folder)
    assert (found.card["name"], found.answers) == ("new", space)
    assert (folder / "README.md").read_text() == "mine"
    assert not list(folder.parent.glob(".*"))
