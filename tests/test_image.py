import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from vqa.errors import ImageError
from vqa.image import MIN_SIDE, content_hash, load_image, to_tensor
from vqa.text import detect_language

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (30, 30, 220)


def picture(width=40, height=30) -> Image.Image:
    """Red top left, green top right, blue below."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    return image


def encoded(image: Image.Image, form="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def near(image: Image.Image, xy, color, tolerance=12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(image.getpixel(xy), color, strict=True))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size; its pixels are missing."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 10) + b"IDAT"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM", "GIF", "AVIF"])
def test_every_format_is_read_the_same(form):
    image = load_image(encoded(picture(), form))
    assert (image.mode, image.size) == ("RGB", (40, 30))
    assert near(image, (5, 5), RED, 40) and near(image, (30, 5), GREEN, 40)


def test_every_kind_of_source_gives_the_same_picture(tmp_path):
    file = tmp_path / "红 picture.png"
    file.write_bytes(encoded(picture()))
    key = content_hash(picture())
    for source in (file, str(file), file.read_bytes(), picture(), np.asarray(picture())):
        assert content_hash(load_image(source)) == key
    assert content_hash(load_image(picture(30, 40))) != key


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = picture().transpose(undo[orientation]) if orientation > 1 else picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = load_image(encoded(stored, "PNG", exif=exif))
    assert content_hash(image) == content_hash(picture())


def test_transparency_lies_on_white():
    clear = picture().convert("RGBA")
    clear.putalpha(0)
    half = picture().convert("RGBA")
    half.putalpha(128)
    assert load_image(encoded(clear)).getpixel((5, 5)) == (255, 255, 255)
    assert near(load_image(encoded(half)), (5, 5), (237, 142, 142), 3)
    assert load_image(np.asarray(clear)).getpixel((5, 5)) == (255, 255, 255)
    assert load_image(Image.new("LA", (20, 20), (0, 0))).getpixel((0, 0)) == (255, 255, 255)


def test_palette_with_alpha():
    palette = Image.new("P", (20, 20), 1)
    palette.putpalette([0, 0, 0, *RED])
    palette.paste(0, (0, 0, 10, 20))
    image = load_image(encoded(palette, "PNG", transparency=0))
    assert image.getpixel((2, 2)) == (255, 255, 255) and image.getpixel((15, 2)) == RED


def test_a_transparent_grey_or_color_key():
    grey = load_image(encoded(Image.new("L", (20, 20), 7), "PNG", transparency=7))
    color = load_image(encoded(picture(), "PNG", transparency=RED))
    assert grey.getpixel((0, 0)) == (255, 255, 255)
    assert color.getpixel((0, 0)) == (255, 255, 255) and color.getpixel((30, 5)) == GREEN


def test_cmyk_and_grey():
    assert near(load_image(encoded(picture().convert("CMYK"), "JPEG")), (5, 5), RED, 40)
    assert load_image(encoded(Image.new("L", (20, 20), 90))).getpixel((0, 0)) == (90, 90, 90)
    assert load_image(Image.new("1", (20, 20), 1)).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bit_and_float_greys_use_their_whole_range():
    sixteen = Image.fromarray(np.full((20, 20), 0x8000, np.uint16))
    assert load_image(encoded(sixteen)).getpixel((0, 0)) == (128, 128, 128)
    floats = Image.fromarray(np.full((20, 20), 0.5, np.float32))
    assert load_image(encoded(floats, "TIFF")).getpixel((0, 0)) == (127, 127, 127)


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (20, 20), c) for c in (GREEN, RED)]
    image = load_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert near(image, (5, 5), GREEN)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((20, 30, 3), 9, np.uint8), (9, 9, 9)),
        (np.full((20, 30), 0.5), (128, 128, 128)),
        (np.full((20, 30, 1), True), (255, 255, 255)),
        (np.full((20, 30, 3), 65535, np.uint16), (255, 255, 255)),
        (np.full((20, 30, 4), 255, np.int64), (255, 255, 255)),
        (np.full((30, 20, 3), 0.25, np.float32)[::-1].transpose(1, 0, 2), (64, 64, 64)),
    ],
)
def test_arrays(array, expected):
    image = load_image(array)
    assert image.size == (30, 20) and image.getpixel((3, 3)) == expected


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"", "empty file"),
        (b"hello", "^The file is not a picture that"),
        (b"<?xml version='1.0'?><svg/>", "an SVG drawing; use a JPEG"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\0\0\0\x18ftypheic", "a HEIC photo"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n", "not a picture"),
        (encoded(picture(1, 1)), "1×1 pixels, too small"),
        (encoded(picture(200, MIN_SIDE - 1)), "200×15 pixels, too small"),
        (png_header(20_000, 20_000), "400 megapixels and the limit is 50"),
        (png_header(8000, 8000), "8000×8000 pixels, above the limit of 50 megapixels"),
        (png_header(40, 40), "damaged or incomplete"),
        (encoded(picture(), "JPEG")[:400], "damaged or incomplete"),
        (encoded(picture(400, 300), "JPEG", quality=95)[:-900], "damaged or incomplete"),
        ("no/such file.png", "no picture file such file.png"),
        (".", "no picture file"),
        ("nul\0.png", "no picture file"),
        ("x" * 5000, "cannot be read"),
        ("http://example.org/a.png", "is an address; download it first"),
        (np.zeros((20, 20, 2), np.uint8), r"shape \(20, 20, 2\)"),
        (np.zeros((0, 20, 3), np.uint8), "too small"),
        (np.full((20, 20), 2.0), r"\[0, 1\]"),
        (np.full((20, 20), np.nan), r"\[0, 1\]"),
        (np.full((20, 20), -1), r"\[0, 255\]"),
        (np.full((20, 20), "a"), "use uint8 or float"),
        (None, "of the type NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "source",
)
def test_what_is_not_a_picture_says_why(source, says):
    with pytest.raises(ImageError, match=says) as caught:
        load_image(source)
    if not isinstance(source, np.ndarray):
        assert detect_language(caught.value.sentence("zh")) == "zh"


def test_a_pillow_image_that_fails_late_is_refused():
    with pytest.raises(ImageError, match="damaged"):
        load_image(Image.open(io.BytesIO(png_header(40, 40))))


def test_the_size_limit_of_files_is_kept(tmp_path):
    data = encoded(picture(), "BMP")
    file = tmp_path / "big.bmp"
    file.write_bytes(data)
    assert load_image(file, max_bytes=len(data)).size == (40, 30)
    for source in (file, data):
        with pytest.raises(ImageError, match="limit is"):
            load_image(source, max_bytes=len(data) - 1)


def test_a_pipe_is_not_waited_for(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes on this system")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="no picture file"):
        load_image(tmp_path / "pipe.png")


def test_the_source_is_left_as_it_was(tmp_path):
    given_image = picture()
    load_image(given_image).putpixel((0, 0), (0, 0, 0))
    assert given_image.getpixel((0, 0)) == RED
    (tmp_path / "a.png").write_bytes(encoded(given_image))
    load_image(tmp_path / "a.png")
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_the_tensor_is_the_picture():
    tensor = to_tensor(picture(), (40, 30))
    assert tensor.shape == (3, 30, 40) and str(tensor.dtype) == "torch.float32"
    assert tensor.is_contiguous()
    assert np.allclose(tensor[:, 2, 3].numpy() * 255, RED)
    assert np.array_equal(
        (tensor.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8), np.asarray(picture())
    )


def test_resizing_is_antialiased_and_stretches():
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::2] = 255
    tensor = to_tensor(load_image(stripes), (128, 96))
    assert tensor.shape == (3, 96, 128)
    assert (tensor - 0.5).abs().max() < 0.2
    assert to_tensor(picture(300, 20), (128, 96)).shape == (3, 96, 128)


def test_loading_needs_no_torch():
    code = "import sys, vqa.image, numpy; vqa.image.load_image(numpy.zeros((20, 20), 'u1'));"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


VALID = [
    encoded(picture(), "PNG"),
    encoded(picture(), "JPEG"),
    encoded(picture(), "GIF"),
    encoded(picture(), "TIFF"),
    encoded(picture(), "WEBP"),
    encoded(picture(), "BMP"),
    encoded(picture().convert("CMYK"), "TIFF"),
    encoded(picture().convert("P"), "PNG", transparency=0),
]


@st.composite
def damaged_files(draw) -> bytes:
    """A real file with bytes changed, cut off or repeated."""
    data = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 8))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
    change = draw(st.sampled_from(["keep", "cut", "remove", "repeat"]))
    if change == "cut":
        return bytes(data[:end])
    if change == "remove":
        return bytes(data[:start] + data[end:])
    if change == "repeat":
        return bytes(data[:end] + data[start:])
    return bytes(data)


HOSTILE_FILES = st.one_of(
    damaged_files(),
    st.binary(max_size=200),
    st.builds(png_header, st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)),
    st.sampled_from([data[:12] for data in VALID]).flatmap(
        lambda head: st.binary(max_size=100).map(lambda tail: head + tail)
    ),
)


def loads_or_says_why(source) -> None:
    try:
        image = load_image(source)
    except ImageError as error:
        assert str(error).endswith(".") and "\n" not in str(error) and len(str(error)) < 250
    else:
        assert image.mode == "RGB" and min(image.size) >= MIN_SIDE


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damage it tolerates
@settings(max_examples=400, deadline=None)
@given(HOSTILE_FILES)
def test_any_bytes_are_a_picture_or_refused_with_a_sentence(data):
    loads_or_says_why(data)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(
        st.one_of(hnp.scalar_dtypes(), st.just(np.dtype("O"))),
        hnp.array_shapes(min_dims=0, max_dims=4, max_side=24),
    )
)
def test_any_array_is_a_picture_or_refused_with_a_sentence(array):
    loads_or_says_why(array)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_any_name_of_a_missing_file_is_refused_with_a_sentence(name):
    with pytest.raises(ImageError):
        load_image("no such folder/" + name)
