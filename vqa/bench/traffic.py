"""What the server is asked: simulated pictures with questions, as bodies of POST /api/ask."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from PIL import Image

from vqa.world.picture import draw_picture
from vqa.world.questions import QuestionSampler

BOUNDARY = b"vqa-bench-7d1f3a"
_SEED = 77
_QUALITY = 90
_COMMENT = b"\xff\xfe"  # the JPEG marker that a comment stands behind


@dataclass(frozen=True)
class Traffic:
    """Pictures and what is asked about them.

    Attributes:
        pictures: JPEG files. questions: for each picture some, all different.
    """

    pictures: list[bytes]
    questions: list[list[str]]

    def pairs(self) -> Iterator[tuple[bytes, str]]:
        """(picture, question) for ever: one question about each picture, then the next about
        each. Questions repeat when all were asked; the server keeps no answers."""
        for turn in count():
            for picture, questions in zip(self.pictures, self.questions, strict=True):
                yield picture, questions[turn % len(questions)]

    def unseen(self, first: int = 0) -> Iterator[tuple[bytes, str]]:
        """The same, but no file comes twice: each has a number, from `first` on, as a comment in
        its head, so that the server, which knows files by their bytes, encodes every one."""
        for number, (picture, question) in enumerate(self.pairs(), start=first):
            yield commented(picture, number), question


def draw_traffic(pictures: int, questions: int) -> Traffic:
    """Simulated scenes of 320x240 pixels with up to `questions` questions each, in English and
    Chinese, of words, the kind the checkpoint `scenes` is trained on."""
    sampler = QuestionSampler(_SEED, languages=("en", "zh"))
    files, asked = [], []
    for number in range(pictures):
        drawn = draw_picture(_SEED, number)
        buffer = io.BytesIO()
        Image.fromarray(drawn.pixels).save(buffer, "JPEG", quality=_QUALITY)
        files.append(buffer.getvalue())
        found = [q.text for q in sampler.sample(drawn.scene, questions, number)]
        asked.append(list(dict.fromkeys(found)))
    return Traffic(files, asked)


def commented(jpeg: bytes, number: int) -> bytes:
    """The same picture as another file, with `number` as a comment in its head."""
    comment = str(number).encode()
    return jpeg[:2] + _COMMENT + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def request_bytes(picture: bytes, question: str) -> bytes:
    """A whole HTTP request that asks `question` about `picture`."""
    body = b"\r\n".join(
        (
            b"--" + BOUNDARY,
            b'Content-Disposition: form-data; name="image"; filename="a.jpg"',
            b"Content-Type: image/jpeg",
            b"",
            picture,
            b"--" + BOUNDARY,
            b'Content-Disposition: form-data; name="question"',
            b"",
            question.encode(),
            b"--" + BOUNDARY + b"--",
            b"",
        )
    )
    head = (
        b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n"
    )
    return head % (BOUNDARY, len(body)) + body
