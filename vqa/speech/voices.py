"""Speech synthesisers as voices that read a question.

Training hears espeak-ng; of its voices a fifth is kept for evaluation. flite, another engine, is
for evaluation alone. Debian has no second engine that speaks Mandarin: flite and festival do not,
and MBROLA's Chinese voice is not free.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from random import Random
from tempfile import NamedTemporaryFile
from zlib import crc32

import numpy as np

from vqa.errors import ConfigError

ENGINES = ("espeak", "flite")
GROUPS = ("seen", "unseen")
# Every accent of English; for Mandarin the table that says tones (plain "cmn" spells pinyin out).
_ACCENTS = {
    "en": (
        "en-us",
        "en-us-nyc",
        "en-gb",
        "en-gb-scotland",
        "en-gb-x-gbclan",
        "en-gb-x-rp",
        "en-gb-x-gbcwmd",
        "en-029",
    ),
    "zh": ("cmn-latn-pinyin",),
}
_FLITE = ("kal", "kal16", "awb", "rms", "slt")
_KEPT = 5  # one variant of so many is never heard in training


@dataclass(frozen=True)
class Voice:
    """One way of reading. `name` as the engine calls it; `speed` in words a minute (espeak) or as
    a factor of duration (flite); `pitch` 0 to 99 (espeak only)."""

    engine: str
    name: str
    speed: float
    pitch: int = 50


def draw_voice(engine: str, group: str, language: str, rng: Random) -> Voice:
    """A voice of an engine at random.

    Args:
        group: "seen" or "unseen" by training; flite's are all unseen.

    Raises:
        ConfigError: the engine is not installed, or does not speak `language`.
    """
    if engine == "flite":
        if language != "en":
            raise ConfigError("flite speaks English only; take --engine espeak for Chinese.")
        return Voice("flite", rng.choice(_FLITE), rng.uniform(0.85, 1.25))
    variant = rng.choice(variants(group))
    # espeak-ng's words a minute are of English; its Mandarin syllables come at about that rate.
    return Voice(
        "espeak",
        f"{rng.choice(_ACCENTS[language])}+{variant}",
        rng.uniform(130, 230),
        round(rng.triangular(10, 90, 50)),
    )


@cache
def variants(group: str) -> tuple[str, ...]:
    """Names of espeak-ng's voice variants in a group; which group one is in follows its name."""
    listed = _run([_program("espeak-ng"), "--voices=variant"], b"").decode("utf-8", "replace")
    names = sorted(set(re.findall(r"!v/(\S+(?: \S+)*)", listed)))
    names = [re.sub(r"\s+\(.*", "", name).strip() for name in names]
    return tuple(n for n in names if (crc32(n.encode()) % _KEPT == 0) == (group == "unseen"))


def speak(text: str, voice: Voice) -> tuple[np.ndarray, int]:
    """`text` read aloud: float32 samples (N,) in [-1, 1] and their rate in Hz.

    Raises:
        ConfigError: the engine is not installed or fails.
    """
    if voice.engine == "flite":
        # flite writes to files only.
        with NamedTemporaryFile(suffix=".wav") as file:
            stretch = f"duration_stretch={voice.speed:.3f}"
            program = _program("flite")
            _run([program, "-voice", voice.name, "--setf", stretch, "-t", text, file.name], b"")
            data = file.read()
    else:
        speed, pitch = f"{voice.speed:.0f}", str(voice.pitch)
        program = _program("espeak-ng")
        command = [program, "-v", voice.name, "-s", speed, "-p", pitch, "-b", "1", "--stdin"]
        data = _run([*command, "--stdout"], text.encode())
    if len(data) <= 44:
        raise ConfigError(f"{voice.engine} read nothing of {text!r} with the voice {voice.name}.")
    # A stream's header does not know its length, so samples are all that follows.
    rate = int.from_bytes(data[24:28], "little")
    return np.frombuffer(data[44 : len(data) // 2 * 2], "<i2").astype(np.float32) / 32768, rate


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ConfigError(f"{name} is not installed; on Debian and Ubuntu: apt install {name}.")
    return found


def _run(command: list[str], given: bytes) -> bytes:
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ConfigError(f"{command[0]} failed: {said[-1] if said else done.returncode}.")
    return done.stdout
