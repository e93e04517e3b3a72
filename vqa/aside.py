"""Questions set aside for choosing thresholds: never those a model is measured on, nor trained on.

A threshold of confidence that is chosen on the very questions it is measured on looks better than
it will be (Whitehead et al. 2022, section 4).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vqa.data.build import Data, held_back, training_split
from vqa.data.sample import Sample

HALF = "half of the pictures"
# Few questions say little about rare errors; more than a few thousand add only time.
_LEAST, _MOST = 500, 5_000


@dataclass(frozen=True)
class Aside:
    """Attributes:
    source: what was set aside, in words. samples: its questions; none when half of the pictures
        measured on are to be taken (see `in_half`).
    """

    source: str
    samples: Sequence[Sample] = ()


def set_aside(data: Data, split: str, language: str, validation: float) -> Aside:
    """What to choose thresholds on for a model that is measured on `split`.

    The validation split that goes with it; else the training pictures that the model was not
    trained on; else half of the pictures of `split` itself.

    Args:
        validation: share of training pictures that the model's training left out, in [0, 1].
    """
    val, train = re.sub("test", "val", split), training_split(data, split)
    if val != split and val in data.splits:
        found = _some(data.samples(val, (language,)))
        if len(found) >= _LEAST:
            return Aside(val, found)
    if train is not None and validation > 0:
        samples = data.samples(train, (language,))
        found = _some([s for s in samples if held_back(s.image, validation)])
        if len(found) >= _LEAST:
            return Aside(f"the pictures of {train} held back from training", found)
    return Aside(HALF)


def in_half(picture: Path | str) -> bool:
    """Whether a picture is in the half that thresholds are chosen on; its name decides."""
    digest = hashlib.blake2b(Path(picture).name.encode(), digest_size=1, person=b"half").digest()
    return digest[0] < 128


def _some(samples: list[Sample]) -> list[Sample]:
    """At most `_MOST` questions, of pictures in the order of their names' hashes."""

    def place(sample: Sample) -> bytes:
        return hashlib.blake2b(sample.image.name.encode(), person=b"some").digest()

    return sorted(samples, key=place)[:_MOST]
