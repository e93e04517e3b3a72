"""Questions read aloud by espeak-ng and flite; skipped where they are not installed."""

import csv
import shutil

import numpy as np
import pytest
import soundfile
import torch

from vqa.audio import load_audio
from vqa.cli import main
from vqa.errors import ConfigError
from vqa.speech import voices
from vqa.speech.simulate import Reading, make_shard, read_shards, utterances

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
)
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


@needs_espeak
def test_voices_kept_from_training_are_others():
    seen, unseen = voices.variants("seen"), voices.variants("unseen")
    assert len(seen) > 2 * len(unseen) > 20
    assert not set(seen) & set(unseen)


@needs_espeak
def test_an_utterance_depends_on_its_number_alone():
    reading = Reading(4)
    several = list(utterances(reading, range(6)))
    assert [u.language for u in several] == ["en", "zh"] * 3
    assert len({u.voice.name for u in several}) > 1
    (alone,) = utterances(reading, [5])
    assert alone.text == several[5].text and alone.voice == several[5].voice
    assert np.array_equal(alone.samples, several[5].samples)
    (other,) = utterances(Reading(4, group="unseen"), [5])
    assert other.text == alone.text and other.voice != alone.voice


@needs_espeak
def test_mandarin_is_read_by_its_sound_not_spelt():
    """A syllable takes about a fifth of a second; spelt-out pinyin takes three times as long."""
    samples, rate = voices.speak(
        "红色立方体左边有几个金属物体", voices.Voice("espeak", "cmn-latn-pinyin+m3", 175)
    )
    assert 14 * 0.12 < len(samples) / rate < 14 * 0.35


@needs_espeak
def test_shards_hold_what_was_said(tmp_path, monkeypatch):
    monkeypatch.setenv("VQA_CACHE", str(tmp_path))
    monkeypatch.setattr("vqa.speech.simulate.SHARD", 6)
    reading = Reading(5)
    paths = [make_shard(reading, k) for k in (0, 1)]
    before = paths[0].stat().st_mtime_ns
    assert make_shard(reading, 0).stat().st_mtime_ns == before, "it is kept"
    both, second = read_shards(paths), read_shards(paths[1:])
    assert 8 <= len(both) <= 12 and (both.lengths > 0).all()
    first = len(both) - len(second)
    assert np.array_equal(both.energies(first), second.energies(0))
    longest = second.tokens.shape[1]
    assert np.array_equal(both.tokens[first:, :longest], second.tokens)
    assert 0 < both.energies(0).std() < 10


@needs_flite
def test_the_other_engine_speaks_english_only():
    (said,) = utterances(Reading(6, ("en",), "flite", "unseen", clean=True), [0])
    assert said.voice.engine == "flite" and 0.5 < len(said.samples) / 16_000 < 20
    with pytest.raises(ConfigError, match="English only"):
        list(utterances(Reading(6, ("zh",), "flite", "unseen"), [0]))


def test_a_missing_engine_is_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match="apt install espeak-ng"):
        voices.speak("a", voices.Voice("espeak", "en-us+f2", 150))


@needs_espeak
def test_the_command_writes_recordings_and_what_they_say(tmp_path, capsys):
    out = tmp_path / "heard"
    assert main(["simulate-speech", "--n", "4", "--seed", "3", "--out", str(out)]) == 0
    with (out / "questions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 and {row["language"] for row in rows} == {"en", "zh"}
    for row in rows:
        assert row["question"]
        samples, rate = soundfile.read(out / row["audio"])
        assert rate == 16_000 and len(samples) / rate == pytest.approx(
            float(row["seconds"]), abs=0.01
        )
        load_audio(out / row["audio"])
    assert main(["simulate-speech", "--n", "4", "--out", str(out)]) == 2
    assert "is not empty" in capsys.readouterr().err


@needs_espeak
def test_training_writes_a_checkpoint_that_is_used(tmp_path, monkeypatch, capsys):
    """The whole chain with a network too small to learn anything: train, resume, ask."""
    from vqa.speech import recogniser, store

    monkeypatch.setenv("VQA_CACHE", str(tmp_path / "cache"))
    for module in ("vqa.speech.simulate", "vqa.train.speech"):
        monkeypatch.setattr(f"{module}.SHARD", 16)
    preset = tmp_path / "speech.json"
    model = '{"channels": 4, "hidden": 8, "layers": 1, "dropout": 0.0}'
    preset.write_text(
        f'{{"recipe": "speech", "model": {model}, "shards": 1, "steps": 3, "batch": 4, '
        '"scenes": 3}'
    )
    out = tmp_path / "run"
    command = ["train", str(preset), "--out", str(out), "--workers", "1", "--device", "cpu"]
    assert main(command) == 0
    weights = (out / "model.safetensors").read_bytes()
    assert main(command) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0
    assert (out / "model.safetensors").read_bytes() == weights
    heard = recogniser.Recogniser(store.load(out))
    (said,) = utterances(Reading(6), [0])
    encoded, states = heard.encode(said.samples)
    assert encoded.logits.shape[:2] == (1, states)
    assert torch.isfinite(encoded.logits).all()
    assert main([*command, "--data", "folder:x"]) == 2
    assert "--data is not for presets of speech" in capsys.readouterr().err
