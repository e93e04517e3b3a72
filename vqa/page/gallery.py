"""Example pictures with questions, read from a folder.

The folder holds pictures and `examples.json`: a list of
`{"image": "scene1.png", "questions": {"en": ["..."], "zh": ["..."]}}`.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vqa.errors import VQAError
from vqa.image import load_image
from vqa.page.overlays import data_uri
from vqa.page.texts import LANGUAGE_NAMES

FOLDER = Path(__file__).parent / "examples"
_THUMBNAIL = (240, 180)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """A picture to try.

    Attributes:
        image: RGB, upright.
        thumbnail: a small copy as a `data:` address.
        questions: (language, question), in the order of the file.
    """

    image: Image.Image
    thumbnail: str
    questions: tuple[tuple[str, str], ...]


def load_examples(folder: Path) -> tuple[Example, ...]:
    """The examples of `folder`; those that cannot be read are left out with a warning.

    The page is useful without examples, so nothing is raised.
    """
    listing = folder / "examples.json"
    if not listing.is_file():
        return ()
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        _log.warning("%s is not readable JSON: %s", listing, error)
        return ()
    found = []
    for entry in entries if isinstance(entries, list) else []:
        try:
            found.append(_read(folder, entry))
        except (VQAError, KeyError, TypeError, AttributeError) as error:
            _log.warning("an example of %s is left out: %s", listing, error)
    return tuple(found)


def _read(folder: Path, entry: dict) -> Example:
    image = load_image(folder / entry["image"])
    small = image.copy()
    small.thumbnail(_THUMBNAIL)
    questions = tuple(
        (language, str(question))
        for language in LANGUAGE_NAMES
        for question in entry["questions"].get(language, [])
    )
    return Example(image, data_uri(small, quality=80), questions)
