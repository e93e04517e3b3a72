"""Recordings of all kinds become the same sound, or one clear sentence."""

import io
import sys

import numpy as np
import pytest
import torch

from vqa.audio import MELS, RATE, load_audio, log_mel, normalise, resample
from vqa.errors import AudioError, ConfigError

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
TIME = np.arange(RATE) / RATE
TONE = 0.3 * np.sin(2 * np.pi * 440 * TIME)


def written(samples, rate, form, subtype=None):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


def pitch(samples):
    """Frequency of the strongest part, Hz."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return power.argmax() * RATE / len(samples)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_formats_and_rates_give_the_same_sound(form, rate):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    stereo = np.stack([tone, tone], 1)
    found = load_audio(written(stereo, rate, form))
    assert found.dtype == np.float32 and found.ndim == 1
    assert len(found) == pytest.approx(RATE, rel=0.15)  # MP3 pads its ends
    assert pitch(found) == pytest.approx(440, abs=3)
    middle = found[len(found) // 4 : -len(found) // 4]
    assert np.abs(middle).max() == pytest.approx(0.3, abs=0.03)


def test_a_path_and_an_array_are_read_like_bytes(tmp_path):
    path = tmp_path / "tone.wav"
    path.write_bytes(written(TONE, RATE, "WAV", "PCM_16"))
    sixteen = (TONE * 32767).round().astype(np.int16)
    for found in (load_audio(path), load_audio((RATE, sixteen)), load_audio((RATE, TONE))):
        assert found == pytest.approx(TONE, abs=1e-4)
    unsigned = ((TONE + 1) * 127.5).round().astype(np.uint8)
    assert load_audio((RATE, unsigned)) == pytest.approx(TONE, abs=0.01)


def test_channels_are_averaged():
    both = np.stack([TONE, np.zeros_like(TONE)], 1)
    assert load_audio((RATE, both)) == pytest.approx(TONE / 2, abs=1e-6)


def test_resampling_does_not_fold_high_frequencies_down():
    high = np.sin(2 * np.pi * 15_000 * np.arange(48_000) / 48_000)
    assert np.abs(resample(high, 48_000)[200:-200]).max() < 0.01


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ((RATE, TONE[: RATE // 20]), "only 0.05 s long"),
        ((RATE, np.tile(TONE, 60)), "60 s long and the limit is 30 s"),
        ((RATE, np.zeros(RATE)), "silent"),
        ((RATE, np.full(RATE, 0.5)), "silent"),  # a constant is no sound
        ((RATE, np.full(RATE, np.nan)), "not numbers"),
        ((RATE, TONE > 0), "type bool"),
        ((3, TONE), "rate of 3 Hz"),
        ((RATE, "tone"), "array of samples"),
        (b"", "not a recording that can be read"),
        (b"RIFF....WAVEfmt ", "not a recording that can be read"),
        (12, "of the type int"),
        ("missing.wav", "missing.wav cannot be read: there is no such file."),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(source, said):
    with pytest.raises(AudioError) as caught:
        load_audio(source)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_minute_is_refused_before_it_is_decoded_and_a_large_file_too():
    minute = written(np.zeros(60 * 8000), 8000, "FLAC")
    with pytest.raises(AudioError, match="60 s long"):
        load_audio(minute)
    with pytest.raises(AudioError, match="larger than 0 MB"):
        load_audio(written(TONE, RATE, "WAV"), max_bytes=1000)


def test_clipped_sound_is_still_read():
    assert pitch(load_audio((RATE, (TONE * 20).clip(-1, 1)))) == pytest.approx(440, abs=3)


def test_frames_tell_where_a_tone_lies():
    low, high = (
        log_mel(np.sin(2 * np.pi * hertz * TIME).astype(np.float32)) for hertz in (300, 3000)
    )
    assert low.shape == (101, MELS)
    assert low[50].argmax() < high[50].argmax() - 20


def test_neither_loudness_nor_a_microphones_colour_matters():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, RATE).astype(np.float32) * (1 + np.sin(20 * TIME))
    plain = normalise(log_mel(noise.astype(np.float32)))
    louder = normalise(log_mel((3 * noise).astype(np.float32)))
    assert torch.allclose(plain, louder, atol=1e-3)
    assert plain.mean(0).abs().max() < 1e-4
    assert float(plain.square().mean()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("package", ["soundfile", "scipy"])
def test_a_missing_package_is_named(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"{package}.*requirements.txt"):
        load_audio(written(TONE, RATE, "WAV"))
