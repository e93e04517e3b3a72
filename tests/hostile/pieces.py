"""What hostile requests are made of: pictures, questions, names, places, JSON, forms."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image

# Stands in every question, and must never stand in a log.
MARK = "qzmark"
_BOUNDARY = b"x7f3"
FORM = "multipart/form-data; boundary=x7f3"


@dataclass(frozen=True)
class Target:
    """What the tricks reach for.

    Attributes:
        secret: a file whose content must never come back.
        trap: "http://host:port" of a server nobody must ask anything.
        link: a symbolic link to `secret` in the uploads' folder.
        largest: bytes that a picture may have.
        events: number of an event of the page -> how many values it takes.
    """

    secret: str
    trap: str
    link: str
    largest: int
    events: dict[int, int]


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    """A multipart body of (field, file name or None, content)."""
    out = b""
    for name, file, content in parts:
        said = f'; filename="{file}"' if file is not None else ""
        head = f'Content-Disposition: form-data; name="{name}"{said}'
        out += b"--" + _BOUNDARY + b"\r\n" + head.encode("utf-8", "replace") + b"\r\n\r\n"
        out += content + b"\r\n"
    return out + b"--" + _BOUNDARY + b"--\r\n"


def _encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _pictures() -> list[bytes]:
    """Sound files of every kind that people send, and of some that attackers do."""
    grain = np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8)
    plain = Image.fromarray(grain)
    found = [_encoded(plain, k) for k in "PNG JPEG WEBP GIF BMP TIFF PPM AVIF".split()]
    found.append(_encoded(plain.convert("CMYK"), "JPEG"))
    found.append(_encoded(Image.fromarray(grain[..., 0].astype(np.uint16) * 257), "PNG"))
    found.append(_encoded(plain.convert("RGBA"), "PNG"))
    found.append(_encoded(plain.convert("P"), "PNG", transparency=3))
    frames = [plain.rotate(k * 90) for k in range(4)]
    found.append(_encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    found.append(_encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    exif = Image.Exif()
    exif[0x0112] = 6
    found.append(_encoded(plain, "JPEG", exif=exif))
    # Bombs: few bytes, very many pixels.
    found.append(_encoded(Image.new("1", (30_000, 30_000)), "PNG"))
    found.append(_encoded(Image.new("1", (9_000, 5_000)), "PNG"))
    header = bytearray(found[0])
    header[16:24] = b"\x7f\xff\xff\xff\x7f\xff\xff\xff"
    found.append(bytes(header))
    return found


PICTURES = _pictures()
_NOTPICTURES = (
    b"",
    b"\0" * 100,
    b"%PDF-1.7\n",
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd)(r)file\n",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"<html><script>alert(1)</script>",
    b"push graphic-context\nimage over 0,0 0,0 '/etc/passwd'\n",
    b"PK\x03\x04" + b"\0" * 60,
    b"8BPS\0\1" + b"\0" * 60,
)


def picture(random: Random) -> bytes:
    """A picture's file: whole, cut off, overwritten byte by byte, or none at all."""
    if random.random() < 0.1:
        return random.choice(_NOTPICTURES)
    data = bytearray(random.choice(PICTURES))
    for _ in range(random.choice((0, 1, 1, 2, 8, 64))):
        # Headers are where it hurts.
        reach = len(data) if random.random() < 0.5 else min(64, len(data))
        data[random.randrange(reach)] = random.randrange(256)
    if random.random() < 0.2:
        data = data[: random.randrange(len(data))]
    if random.random() < 0.1:
        data += random.randbytes(random.randrange(2000))
    return bytes(data)


_WORDS = (
    "how many red cubes are there",
    "红色立方体左边有几个",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}} ${7*7} %s %n {0.__class__}",
    "'; DROP TABLE cubes; --",
    "\x00\x07\x1b[31m",
    "\u202e\u2066\u200b\u00ad\ufeff",
    "\ufdfa" * 40,
    "e" + "\u0301" * 300,
    "👨‍👩‍👧‍👦🏳️‍🌈",
    "１２３ ｒｅｄ ⅷ ½ ²",
    "İıſß ŉ ǰ ﬃ",
    "\U000e0041\U0010ffff\ufffe",
    "..\\..\\..\\etc/passwd",
    "\r\n\r\nHTTP/1.1 200 OK\r\n",
    "why? and it? what about it?",
    "为什么？那它呢？",
)


def question(random: Random) -> str:
    """Text from the corners of Unicode."""
    if random.random() < 0.3:
        return f"How many red cubes are left of the {MARK} sphere?"
    parts = [MARK] if random.random() < 0.7 else []
    for _ in range(random.randrange(5)):
        if random.random() < 0.6:
            parts.append(random.choice(_WORDS))
        else:
            top = random.choice((0x80, 0x3000, 0xD7FF, 0x10FFFF))
            letters = (random.randrange(1, top) for _ in range(random.randrange(30)))
            parts.append("".join(chr(c) for c in letters if not 0xD800 <= c < 0xE000))
    random.shuffle(parts)
    text = random.choice((" ", "", "\n", "\u3000")).join(parts)
    return text * random.choice((1,) * 12 + (50, 2000))


def name(random: Random) -> str:
    """A file name with intentions."""
    return random.choice(
        (
            "a.png",
            "../../../../tmp/escaped.png",
            "..\\..\\escaped.png",
            "/tmp/escaped-absolute.png",
            "a\0.png",
            "%2e%2e%2fescaped.png",
            "<img src=x onerror=alert(1)>.png",
            "n" * 5000 + ".png",
            "图片🧊.png",
            "a.html",
            "a.svg",
            "a.py",
            ".",
            "..",
            "",
            "CON",
            "~/.bashrc",
            'a";x="b.png',
            "a\\\r\nX-Evil: 1\r\n.png",
            "\u202egnp.exe",
        )
    )


def junk(random: Random, target: Target, depth: int = 3):
    """Any JSON value."""
    kinds = 9 if depth else 7
    kind = random.randrange(kinds)
    if kind == 7:
        return [junk(random, target, depth - 1) for _ in range(random.randrange(5))]
    if kind == 8:
        keys = ("path", "url", "meta", "_type", "data", "__class__", "fn_index", "x", "is_stream")
        return {random.choice(keys): junk(random, target, depth - 1) for _ in range(4)}
    return (
        None,
        random.random() < 0.5,
        random.choice((0, -1, 1, 2**31, 2**63, 10**400, 1.5, 1e308)),
        question(random)[:2000],
        place(random, target),
        "",
        random.choice(("gradio.FileData", "auto", "en", "\0", "null")),
    )[kind]


def place(random: Random, target: Target) -> str:
    """A path or an address of what must not be read."""
    secret = target.secret
    dotted = "../" * 12 + secret.lstrip("/")
    return random.choice(
        (
            secret,
            "file://" + secret,
            "file:" + secret,
            dotted,
            "/tmp/" + dotted,
            dotted.replace("/", "%2f"),
            dotted.replace("..", "%2e%2e"),
            dotted.replace("..", "%252e%252e"),
            dotted.replace("/", "\\"),
            secret + "\0.png",
            secret + "%00.png",
            "./" + secret.rsplit("/", 1)[-1],
            secret.rsplit("/", 1)[-1],
            target.link,
            target.link + "/../" + secret.rsplit("/", 1)[-1],
            "//" + secret,
            secret.upper(),
            "/proc/self/root" + secret,
            "/proc/self/environ",
            "/proc/self/cmdline",
            "/etc/passwd",
            "/dev/zero",
            "/dev/stdin",
            "app.py",
            ".git/config",
            "vqa/serving.py",
            target.trap + "/a.png",
            target.trap.replace("127.0.0.1", "localhost") + "/a.png",
            target.trap.replace("127.0.0.1", "0x7f000001") + "/a.png",
            target.trap.replace("127.0.0.1", "[::ffff:127.0.0.1]") + "/a.png",
            target.trap.replace("http://", "http://user@") + "/a.png",
            target.trap.replace("http", "HTTP") + "/a.png",
            target.trap.replace("http:", "") + "/a.png",
            "http://169.254.169.254/latest/meta-data",
            "ftp://127.0.0.1/a",
            "data:image/png;base64,AAAA",
            "data:text/html,<script>alert(1)</script>",
            "\\\\127.0.0.1\\share\\a.png",
        )
    )


def file_data(random: Random, target: Target):
    """What stands for an uploaded file in the page's API."""
    data = {"path": place(random, target), "meta": {"_type": "gradio.FileData"}}
    if random.random() < 0.4:
        data["url"] = place(random, target)
    if random.random() < 0.2:
        data = {"url": place(random, target), "path": None, "meta": {"_type": "gradio.FileData"}}
    if random.random() < 0.2:
        data["meta"] = junk(random, target, 1)
    for key in ("orig_name", "mime_type", "size", "is_stream"):
        if random.random() < 0.15:
            data[key] = junk(random, target, 1)
    return random.choice((data, data, data, [data], data["path"], junk(random, target)))


def dumped(random: Random, value) -> bytes:
    """JSON, sometimes broken."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
    data = text.encode("utf-8", "replace")
    if random.random() < 0.25:
        data = random.choice(
            (
                data[: len(data) // 2],
                data + b"}",
                b"\xff\xfe" + data,
                data.replace(b'"', b"'"),
                b"[" * 100_000,
                b'{"a":' * 5_000,
                b"NaN",
                b'{"data": [NaN, Infinity, -Infinity]}',
                b"",
                b"null",
                b'"' + b"\\ud800" * 9 + b'"',
                text.encode("utf-16"),
            )
        )
    return data
