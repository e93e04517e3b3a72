"""Pictures in any form people have them: one loader, one preprocessing for training and serving."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from vqa.errors import ImageError

if TYPE_CHECKING:
    import torch

MIN_SIDE = 16
MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 50 * 1024 * 1024

# Pillow's decoders for pictures people really send. Others (EPS runs Ghostscript, FLI, PSD, ...)
# only add ways to attack the server.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
_FORMATS_SAID = "JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF"
_FORMATS_ZH = _FORMATS_SAID.replace(" or ", " 或 ")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_ORIENTATION = 0x0112

Source = str | Path | bytes | Image.Image | np.ndarray


def load_image(source: Source, max_bytes: int = MAX_FILE_BYTES, called: str = "") -> Image.Image:
    """Reads a picture and returns it as 8-bit RGB, upright.

    EXIF orientation is applied, transparency lies on white, of an animation the first frame is
    taken. Size is checked from the header, before any pixel is decoded.

    Args:
        source: a path, the bytes of a file, a PIL image, or an array of shape (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4): uint8 or bool, uint16 over its full range, other integers in
            [0, 255], floats in [0, 1].
        max_bytes: the largest file that is read.
        called: how an error names a path; by its last part alone when left out, as visitors of the
            page need not know where their picture lies.

    Raises:
        ImageError: not a picture, damaged, of an unsupported kind, larger than `max_bytes` or
            `MAX_PIXELS`, or with a side below `MIN_SIDE` pixels.
    """
    if isinstance(source, np.ndarray):
        _check_size(*_array_size(source))
        return _on_white(_from_array(source))
    if isinstance(source, Image.Image):
        return _decode(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "", max_bytes)
    if isinstance(source, str | Path):
        return _from_path(source, max_bytes, called)
    raise ImageError(
        f"A picture cannot be of the type {type(source).__name__}; pass a path, bytes, a PIL image "
        "or an array.",
        zh="没有收到图片，请先选择一张图片。",
    )


def to_tensor(image: Image.Image, size: tuple[int, int]) -> torch.Tensor:
    """The picture as a network reads it: stretched to `size`, antialiased.

    Args:
        image: from `load_image`.
        size: (width, height) in pixels.

    Returns:
        Float tensor (3, height, width) in [0, 1], sRGB.
    """
    # Here, not above: the page loads and decorates pictures without torch.
    import torch

    pixels = torch.from_numpy(np.array(resized(image, size), dtype=np.uint8))
    return pixels.permute(2, 0, 1).contiguous().float().div_(255.0)


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture stretched to `size` (width, height) in pixels, antialiased."""
    if image.size == size:
        return image
    # The gap first shrinks large photos by whole factors: far quicker, same look.
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)


def content_hash(image: Image.Image) -> str:
    """A key of 32 hexadecimal digits that equal pictures (mode, size, pixels) share."""
    digest = hashlib.blake2b(f"{image.mode} {image.size}".encode(), digest_size=16)
    digest.update(image.tobytes())
    return digest.hexdigest()


def _from_path(path: str | Path, max_bytes: int, called: str) -> Image.Image:
    name = _shortened(called, 300) if called else _shortened(Path(path).name or str(path))
    if str(path).startswith(("http://", "https://")):
        raise ImageError(
            f"The picture {name} is an address; download it first, vqa fetches nothing.",
            zh=f"图片 {name} 是一个网址，请先下载，vqa 不访问网络。",
        )
    try:
        # Only regular files: reading a pipe or a device could wait for ever.
        found = Path(path).is_file()
        size = Path(path).stat().st_size if found else 0
        data = Path(path).read_bytes() if found and size <= max_bytes else b""
    except (OSError, ValueError) as error:
        raise ImageError(
            f"The picture file {name} cannot be read; check its name and permissions.",
            zh=f"无法读取图片文件 {name}，请检查文件名和权限。",
        ) from error
    if not found:
        raise ImageError(
            f"There is no picture file {name}; check the path.",
            zh=f"找不到图片文件 {name}，请检查路径。",
        )
    _check_bytes(size, max_bytes, f" {name}")
    return _from_bytes(data, f" {name}", max_bytes)


# From here on `name` is "", or a space and the name of the file.


def _from_bytes(data: bytes, name: str, max_bytes: int) -> Image.Image:
    _check_bytes(len(data), max_bytes, name)
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = re.search(r"\d{7,}", str(error))
        found = f"{int(pixels[0]) // 10**6:,}" if pixels else "far too many"
        raise ImageError(
            f"The picture{name} has {found} megapixels and the limit is {MAX_PIXELS // 10**6}; "
            "make it smaller.",
            zh=f"图片{name}超过 {MAX_PIXELS // 10**6} 百万像素的上限，请缩小后再试。",
        ) from error
    # Damaged files make decoders raise nearly anything (SyntaxError, struct.error, KeyError...).
    except Exception as error:
        raise _unreadable(data, name) from error
    return _decode(image, name)


def _decode(image: Image.Image, name: str = "") -> Image.Image:
    """Decodes an opened picture; its size is already known and checked first."""
    _check_size(*image.size)
    try:
        image.load()
        orientation = _orientation(image)
        rgb = _on_white(image)
        return rgb.transpose(_TRANSPOSE[orientation]) if orientation in _TRANSPOSE else rgb
    except Exception as error:  # as in _from_bytes: decoders raise nearly anything
        raise _damaged(name) from error


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # a broken EXIF block does not make the picture unreadable
        return 1


def _on_white(image: Image.Image) -> Image.Image:
    """Any mode to RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_grey_bytes(np.asarray(image)))
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    if image.mode in {"RGBA", "RGBa", "LA", "La", "PA"} or "transparency" in image.info:
        # By way of LA: Pillow turns the one transparent grey into alpha only there.
        if image.mode in {"1", "L", "La"}:
            image = image.convert("LA")
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _grey_bytes(values: np.ndarray) -> np.ndarray:
    """Grey values of more than 8 bits as uint8, by the narrowest usual range that holds them."""
    if values.dtype == np.uint16:
        return (values >> 8).astype(np.uint8)
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    highest = values.max()
    ranges = (255, 65535) if highest > 1 else (1,)
    full = next((r for r in ranges if highest <= r), highest)
    return (values.clip(0, full) * (255 / full)).astype(np.uint8)


def _array_size(array: np.ndarray) -> tuple[int, int]:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(
            f"The picture array has shape {array.shape}; it must be (height, width) or "
            "(height, width, channels) with 1, 3 or 4 channels."
        )
    return array.shape[1], array.shape[0]


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    kind = array.dtype.kind
    if kind not in "buif":
        raise ImageError(f"The picture array holds {array.dtype} values; use uint8 or float.")
    low, high = float(array.min()), float(array.max())
    highest = {"b": 1, "f": 1.0}.get(kind, 65535 if array.dtype == np.uint16 else 255)
    # Not-a-number fails both comparisons; a little rounding beyond the ends is forgiven.
    if not (low >= -1e-3 and high <= highest + 1e-3):
        raise ImageError(
            f"The picture array holds {array.dtype} values from {low:g} to {high:g}; they must "
            f"lie in [0, {highest:g}]."
        )
    if array.dtype == np.uint16:
        array = array >> 8
    elif kind in "bf":
        array = array.astype(np.float32).clip(0, 1) * 255 + 0.5
    return Image.fromarray(np.ascontiguousarray(array.astype(np.uint8)))


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"The picture is {width}×{height} pixels, too small; use one with at least "
            f"{MIN_SIDE} pixels on each side.",
            zh=f"图片只有 {width}×{height} 像素，太小了，每边至少要 {MIN_SIDE} 像素。",
        )
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"The picture is {width}×{height} pixels, above the limit of "
            f"{MAX_PIXELS // 10**6} megapixels; make it smaller.",
            zh=f"图片有 {width}×{height} 像素，超过 {MAX_PIXELS // 10**6} 百万像素的上限，"
            "请缩小后再试。",
        )


def _check_bytes(size: int, max_bytes: int, name: str) -> None:
    if size > max_bytes:
        mb, limit = size / 2**20, max_bytes / 2**20
        raise ImageError(
            f"The picture{name} has {mb:.1f} MB and the limit is {limit:g} MB; make it smaller.",
            zh=f"图片{name}有 {mb:.1f} MB，上限是 {limit:g} MB，请缩小后再试。",
        )
    if size == 0:
        raise ImageError(
            f"The picture{name} is an empty file; choose another.", zh=f"图片{name}是空文件。"
        )


def _damaged(name: str) -> ImageError:
    return ImageError(
        f"The picture{name} is damaged or incomplete; save or send it again.",
        zh=f"图片{name}已损坏或不完整，请重新保存或上传。",
    )


def _unreadable(data: bytes, name: str) -> ImageError:
    """Says what the file is, when it is something people often take for a picture."""
    if data.startswith(_SIGNATURES):
        return _damaged(name)
    head = data[:1024].lower()
    if head.startswith(b"%pdf"):
        kind, kind_zh = "a PDF document", "是 PDF 文档"
    elif b"<svg" in head:
        kind, kind_zh = "an SVG drawing", "是 SVG 图形"
    elif head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc", b"ftypmsf1"):
        kind, kind_zh = "a HEIC photo", "是 HEIC 照片"
    else:
        kind, kind_zh = "not a picture that can be read", "不是可以识别的图片"
    return ImageError(
        f"The file{name} is {kind}; use a {_FORMATS_SAID} file.",
        zh=f"文件{name}{' ' if name else ''}{kind_zh}，请使用 {_FORMATS_ZH} 文件。",
    )


def _shortened(name: str, most: int = 60) -> str:
    name = name.encode("utf-8", "replace").decode()
    name = "".join(c if c.isprintable() else "?" for c in name)
    return name if len(name) <= most else name[: most - 1] + "…"
