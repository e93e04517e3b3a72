"""Pictures on their way to predictors: files that are hashed once, images that are decoded once."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from PIL import Image

from vqa.image import content_hash, load_image


@dataclass(frozen=True)
class PictureFile:
    """The bytes of a picture's file and their key, by which it is known when seen again."""

    key: str
    data: bytes

    @classmethod
    def of(cls, data: bytes) -> PictureFile:
        """Hashes the bytes."""
        return cls(f"file {blake2b(data, digest_size=16).hexdigest()}", data)


@dataclass(frozen=True)
class Picture:
    """A decoded image and its key, so that several predictors need not decode it again."""

    key: str
    image: Image.Image


def open_picture(source: object) -> Picture:
    """Decodes an image once; what `Request.image` may be.

    Raises:
        ImageError: see `vqa.image.load_image`.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, bytes):
        source = PictureFile.of(source)
    if isinstance(source, PictureFile):
        return Picture(source.key, load_image(source.data))
    image = load_image(source)
    return Picture(content_hash(image), image)
