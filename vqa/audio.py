"""Recordings in any form people have them: one loader, one front end for training and serving."""

from __future__ import annotations

import io
from functools import cache
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vqa.errors import AudioError, ConfigError, plainly

if TYPE_CHECKING:
    import torch

RATE = 16_000  # Hz, of all that is read
MELS = 80
HOP = 160  # samples between two frames: 10 ms
_WINDOW, _FFT = 400, 512
_LOWEST, _HIGHEST = 20.0, 7600.0  # Hz, edges of the mel bands
MIN_SECONDS, MAX_SECONDS = 0.2, 30.0
MAX_FILE_BYTES = 20 * 1024 * 1024
_SILENT = 1e-4  # RMS of the loudest 50 ms that counts as nothing: -80 dB of full scale
_FLOOR = 1e-8

Source = str | Path | bytes | tuple[int, np.ndarray]


def load_audio(source: Source, max_bytes: int = MAX_FILE_BYTES) -> np.ndarray:
    """Reads a recording and returns it as mono at `RATE`, float32 in about [-1, 1], (samples,).

    Args:
        source: a path or the bytes of a file (WAV, FLAC, MP3, Ogg), or (rate in Hz, samples of
            shape (N,) or (N, channels)): integers over their full range or floats in [-1, 1].
        max_bytes: the largest file that is read.

    Raises:
        AudioError: not a recording, damaged, larger than `max_bytes`, shorter than `MIN_SECONDS`,
            longer than `MAX_SECONDS`, or silent.
        ConfigError: the package that reads files is not installed.
    """
    if isinstance(source, tuple):
        samples, rate, name = _from_array(source), int(source[0]), "The recording"
    else:
        samples, rate, name = _from_file(source, max_bytes)
    if rate < 4000 or rate > 768_000:
        raise AudioError(
            f"{name} has a rate of {rate:,} Hz; record it with 8,000 to 192,000 Hz.",
            zh=f"录音的采样率是 {rate} Hz，请用 8000 到 192000 Hz 录音。",
        )
    _check_length(len(samples) / rate, name)
    if not np.isfinite(samples).all():
        raise AudioError(
            f"{name} holds values that are not numbers; record it again.",
            zh="录音数据无效，请重新录音。",
        )
    mono = resample(samples.mean(1) if samples.ndim == 2 else samples, rate)
    if _loudest(mono) < _SILENT:
        raise AudioError(
            f"{name} is silent; check the microphone and record it again.",
            zh="录音里没有声音，请检查麦克风后重新录音。",
        )
    return mono


def resample(samples: np.ndarray, rate: int, to: int = RATE) -> np.ndarray:
    """(N,) samples at `rate` Hz as float32 at `to` Hz, antialiased."""
    if rate == to:
        return samples.astype(np.float32)
    from scipy.signal import resample_poly

    common = gcd(rate, to)
    return resample_poly(samples, to // common, rate // common).astype(np.float32)


def log_mel(samples: np.ndarray) -> torch.Tensor:
    """Log energies of `MELS` bands every 10 ms: (samples,) at `RATE` -> (frames, MELS) float32.

    Nothing is normalised yet; see `normalise`.
    """
    import torch

    wave = torch.from_numpy(np.ascontiguousarray(samples, np.float32))
    # Lifting high frequencies a little, as their energy falls.
    wave = torch.cat([wave[:1], wave[1:] - 0.97 * wave[:-1]])
    window = torch.hann_window(_WINDOW)
    power = (
        torch.stft(wave, _FFT, HOP, _WINDOW, window, return_complex=True, pad_mode="constant")
        .abs()
        .square()
    )
    return (power.T @ _filters()).clamp_min(_FLOOR).log()


def normalise(mels: torch.Tensor) -> torch.Tensor:
    """(frames, MELS) with mean 0 in each band and deviation 1 over all.

    So neither the loudness of a recording nor the colour of its microphone matters.
    """
    centred = mels - mels.mean(0)
    return centred / centred.square().mean().sqrt().clamp_min(1e-3)


@cache
def _filters() -> torch.Tensor:
    """(FFT bins, MELS): triangles, evenly spaced on the mel scale."""
    import torch

    def mel(hertz):
        return 2595 * np.log10(1 + hertz / 700)

    edges = np.linspace(mel(_LOWEST), mel(_HIGHEST), MELS + 2)
    bins = mel(np.fft.rfftfreq(_FFT, 1 / RATE))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.minimum(rising, falling).clip(0).astype(np.float32))


def _from_array(source: tuple[int, np.ndarray]) -> np.ndarray:
    good = len(source) == 2 and isinstance(source[1], np.ndarray) and source[1].ndim in (1, 2)
    if not good or isinstance(source[0], bool) or not isinstance(source[0], int | np.integer):
        raise AudioError(
            "The recording should be (rate in Hz, array of samples); pass a path or bytes instead."
        )
    samples = source[1]
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    if samples.dtype.kind not in "iu":
        raise AudioError(f"Samples of the type {samples.dtype} are no sound; pass numbers.")
    limits = np.iinfo(samples.dtype)
    middle = (limits.max + limits.min + 1) // 2
    return (samples.astype(np.float64) - middle).astype(np.float32) / (limits.max - middle)


def _from_file(source: object, max_bytes: int) -> tuple[np.ndarray, int, str]:
    soundfile = _soundfile()
    if isinstance(source, bytes | bytearray | memoryview):
        data, name = bytes(source), "The recording"
    elif isinstance(source, str | Path):
        name = f"The recording {source}"
        try:
            size = Path(source).stat().st_size
            data = Path(source).read_bytes() if size <= max_bytes else b"\0" * (max_bytes + 1)
        except (OSError, ValueError) as error:
            raise AudioError(
                f"{name} cannot be read: {plainly(error)}.", zh="录音文件无法读取。"
            ) from error
    else:
        raise AudioError(
            f"A recording cannot be of the type {type(source).__name__}; pass a path, bytes or "
            "(rate, samples).",
            zh="没有收到录音，请先录音或上传录音文件。",
        )
    if len(data) > max_bytes:
        limit = max_bytes // 2**20
        raise AudioError(
            f"{name} is larger than {limit} MB; send a shorter one.",
            zh=f"录音文件超过 {limit} MB，请缩短录音。",
        )
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            # Told from the header, before anything is decoded.
            _check_length(file.frames / file.samplerate if file.frames else 0.0, name)
            return file.read(dtype="float32", always_2d=True), file.samplerate, name
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise AudioError(
            f"{name} is not a recording that can be read; send WAV, FLAC, MP3 or Ogg.",
            zh="无法识别这个录音文件，请使用 WAV、FLAC、MP3 或 Ogg 格式。",
        ) from error


def check_reader() -> None:
    """Raises ConfigError: the packages that read recordings cannot be used; says why."""
    _soundfile()


def _soundfile():
    try:
        import scipy  # noqa: F401  (resample needs it)
        import soundfile
    except ImportError as error:
        raise ConfigError(
            f"Recordings need the package {error.name}, which is not installed; "
            "run pip install -r requirements.txt."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"The package soundfile does not find its library ({error}); install libsndfile."
        ) from error
    return soundfile


def _check_length(seconds: float, name: str) -> None:
    if seconds < MIN_SECONDS:
        raise AudioError(
            f"{name} is only {seconds:.2f} s long; say a whole question.",
            zh=f"录音只有 {seconds:.2f} 秒，请说出完整的问题。",
        )
    if seconds > MAX_SECONDS:
        raise AudioError(
            f"{name} is {seconds:.0f} s long and the limit is {MAX_SECONDS:.0f} s; ask in fewer "
            "words.",
            zh=f"录音有 {seconds:.0f} 秒，上限是 {MAX_SECONDS:.0f} 秒，请说得简短一些。",
        )


def _loudest(samples: np.ndarray) -> float:
    """RMS of the loudest 50 ms."""
    step = RATE // 20
    whole = samples[: len(samples) // step * step].reshape(-1, step)
    return float(np.sqrt(np.square(whole - whole.mean(1, keepdims=True)).mean(1)).max())
