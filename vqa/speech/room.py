"""What happens to a voice on its way: the room, noise, the microphone and its wire."""

from __future__ import annotations

import numpy as np

from vqa.audio import RATE

_MILD = 0.15  # share of recordings that are left clean but for silence around them


def resampled(samples: np.ndarray, rate: int, speed: float) -> np.ndarray:
    """Samples at `RATE`, played `speed` times as fast; pitch and formants move along."""
    from scipy.signal import resample_poly

    down = max(1, round(rate * speed / 100))
    return resample_poly(samples, RATE // 100, down).astype(np.float32)


def recorded(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A clean voice (N,) at `RATE` as a microphone may hear it, float32 in [-1, 1]; longer, with
    silence or noise around it."""
    from scipy.signal import fftconvolve

    around = (rng.uniform(0.02, 0.5, 2) * RATE).astype(int)
    heard = np.pad(samples, around)
    mild = rng.random() < _MILD
    if not mild and rng.random() < 0.6:
        heard = fftconvolve(heard, _echo(rng))[: len(heard)]
    if not mild and rng.random() < 0.5:
        heard = _banded(heard, rng)
    level = np.sqrt(np.square(samples).mean()) + 1e-6
    if mild:
        heard = heard + rng.normal(0, level * 1e-3, len(heard))
    else:
        heard = heard + _noise(len(heard), rng) * level * 10 ** (-rng.uniform(5, 40) / 20)
    if not mild and rng.random() < 0.08:
        peak = np.abs(heard).max() * rng.uniform(0.2, 0.7)
        heard = heard.clip(-peak, peak)
    loudness = 10 ** rng.uniform(-2.0, 0.0) / (np.abs(heard).max() + 1e-6)
    return (heard * loudness).astype(np.float32)


def _echo(rng: np.random.Generator) -> np.ndarray:
    """Impulse response of a room: the direct sound, then noise that dies away within `t60`."""
    t60 = rng.uniform(0.1, 0.7)
    length = int(t60 * RATE)
    time = np.arange(length) / RATE
    tail = rng.normal(size=length) * 10 ** (-3 * time / t60)
    tail[: int(rng.uniform(0.001, 0.01) * RATE)] = 0  # the nearest wall
    tail *= 10 ** (-rng.uniform(0, 15) / 20) / np.sqrt(np.square(tail).sum() + 1e-9)
    tail[0] = 1.0
    return tail


def _banded(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Without the lowest and highest frequencies, as small microphones and telephones have it."""
    from scipy.signal import butter, sosfilt

    low, high = rng.uniform(40, 350), rng.uniform(3200, 7800)
    return sosfilt(butter(2, (low, high), "bandpass", fs=RATE, output="sos"), samples)


def _noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of RMS 1, from bright to dull, steady or swelling, sometimes with a mains hum."""
    from scipy.fft import irfft, next_fast_len, rfft

    whole = next_fast_len(length, real=True)
    spectrum = rfft(rng.normal(size=whole))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** rng.uniform(0, 1.0)
    noise = irfft(spectrum, whole)[:length]
    if rng.random() < 0.3:
        time = np.arange(length) / RATE
        noise *= 1 + 0.8 * np.sin(2 * np.pi * (rng.uniform(0.3, 4) * time + rng.random()))
    noise /= np.sqrt(np.square(noise).mean()) + 1e-9
    if rng.random() < 0.1:
        time = np.arange(length) / RATE
        base = rng.choice([50.0, 60.0])
        noise = noise + sum(np.sin(2 * np.pi * base * k * time) / k for k in (1, 2, 3))
    return noise
