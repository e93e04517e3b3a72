"""Seeded requests that nobody should send: case number `n` of a seed is always the same bytes.

Every builder gets a `Random` and a `Target`, and returns a `Case`: raw HTTP, because clients tidy
up what is to be tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from hostile.pieces import (
    FORM,
    MARK,
    PICTURES,
    Target,
    dumped,
    file_data,
    form,
    junk,
    name,
    picture,
    place,
    question,
)

_TYPES = (
    FORM,
    "multipart/form-data",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary="\\"',
    "multipart/form-data; boundary=" + "b" * 300,
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "text/plain",
    "image/png",
    "multipart/mixed; boundary=x7f3",
    "",
    "*/*",
    "\xff\xfe",
)


@dataclass
class Case:
    """One request.

    Attributes:
        kind: what it tries, for the counts.
        head: the request line and headers, without the empty line.
        body: what follows; sent as it is.
        follow: the path to read an event's result from, given the reply's event id.
        hang_up: close without waiting for a reply.
    """

    kind: str
    head: bytes
    body: bytes = b""
    follow: str = ""
    hang_up: bool = False


def request(
    kind: str, method: str, path: str, content: str = "", body: bytes = b"", headers=(), **more
) -> Case:
    """A case with the usual headers."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"Content-Type: {content}"] if content else []
    lines += [f"Content-Length: {len(body)}"] if body or method == "POST" else []
    text = "\r\n".join([*lines, *headers])
    return Case(kind, text.encode("utf-8", "surrogateescape"), body, **more)


def _ask(random: Random, target: Target) -> Case:
    parts = [
        ("image", name(random), picture(random)),
        ("question", None, question(random).encode()),
    ]
    if random.random() < 0.2:
        parts.append(("top_k", None, random.choice((b"0", b"9" * 400, b"1e3", b"\xd9\xa3", b"5"))))
    if random.random() < 0.2:
        parts.append(("checkpoint", None, place(random, target).encode()))
    if random.random() < 0.1:
        parts.append(random.choice(parts))
    if random.random() < 0.1:
        del parts[random.randrange(len(parts))]
    if random.random() < 0.05:
        parts += [(f"f{k}", None, b"x") for k in range(3000)]
    random.shuffle(parts)
    return request("ask", "POST", "/api/ask", FORM, form(*parts))


def _ask_batch(random: Random, target: Target) -> Case:
    names = [name(random) for _ in range(random.randrange(1, 4))]
    items = [
        {
            "image": random.choice([0, 1, -1, 10**30, *names, place(random, target)]),
            "question": question(random)[:3000],
        }
        for _ in range(random.randrange(5))
    ]
    items = [junk(random, target) if random.random() < 0.2 else item for item in items]
    wanted = dumped(random, junk(random, target) if random.random() < 0.1 else items)
    files = [("image", file, picture(random)) for file in names]
    return request(
        "ask_batch", "POST", "/api/ask_batch", FORM, form(*files, ("requests", None, wanted))
    )


def _broken_form(random: Random, target: Target) -> Case:
    path = random.choice(("/api/ask", "/api/ask_batch", "/gradio_api/upload"))
    body = bytearray(form(("image", "a.png", PICTURES[0]), ("question", None, MARK.encode())))
    for _ in range(random.randrange(6)):
        body[random.randrange(min(len(body), 200))] = random.randrange(256)
    body = body[: random.randrange(len(body))] if random.random() < 0.5 else body
    return request("broken form", "POST", path, random.choice(_TYPES), bytes(body))


def _sizes(random: Random, target: Target) -> Case:
    path = random.choice(
        ("/api/ask", "/api/ask_batch", "/gradio_api/upload", "/gradio_api/call/ask", "/login")
    )
    large = b"A" * (target.largest * 2 + 2**20)
    many = form(*[("files", "a.png", b"B" * (target.largest - 100))] * 8)
    kind = random.choice(_TYPES[:6] if "call" not in path else ("application/json",))
    head = request("size", "POST", path, kind).head.replace(b"Content-Length: 0", b"%s")
    content = random.randrange(7)
    if content == 0:  # announced, never sent
        return Case("size", head % b"Content-Length: 99999999999999", b"x")
    if content == 1:  # less than announced, then gone
        return Case("hang up", head % b"Content-Length: 5000", b"x" * 100, hang_up=True)
    if content == 2:
        body = form(("image", "a.png", large), ("files", "a.png", large))
        return Case("size", head % b"Content-Length: %d" % len(body), body)
    if content == 3:
        return Case("size", head % b"Content-Length: %d" % len(many), many)
    if content == 4:  # in pieces, without an announcement
        piece = b"%x\r\n%s\r\n" % (2**16, b"C" * 2**16)
        start = form(("files", "a.png", b""))[:-12]
        pieces = b"%x\r\n%s\r\n" % (len(start), start) + piece * (len(large) // 2**16)
        return Case("size", head % b"Transfer-Encoding: chunked", pieces + b"0\r\n\r\n")
    if content == 5:
        odd = random.choice((b"-1", b"1e9", b"0x10", b"\xd9\xa3", b"5, 6", b"+5", b""))
        return Case("size", head % b"Content-Length: " + odd, b"hello")
    return Case("size", head % b"Transfer-Encoding: chunked", b"zz\r\nhello\r\n0\r\n\r\n")


def _paths(random: Random, target: Target) -> Case:
    path = random.choice(
        (
            "/gradio_api/file=",
            "/gradio_api/file/",
            "/file=",
            "/gradio_api/proxy=",
            "/static/",
            "/assets/",
            "/svelte/",
            "/gradio_api/custom_component/",
            "/gradio_api/stream/",
            "/gradio_api/call/ask/",
            "/gradio_api/call/",
            "/gradio_api/queue/data?session_hash=",
            "/gradio_api/heartbeat/",
            "/gradio_api/upload_progress?upload_id=",
            "/gradio_api/run-history/records?x=",
            "/gradio_api/deep_link?session_hash=",
            "/pwa_icon/",
            "/monitoring/",
            "/theme.css?v=",
            "/?__theme=",
            "/?deep_link=",
            "/",
            "/api/",
            "/../",
            "//",
        )
    )
    method = random.choice(("GET",) * 8 + ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"))
    end = place(random, target).replace("\0", "%00").replace(" ", "%20")
    headers = []
    if random.random() < 0.2:
        headers.append("Range: bytes=" + random.choice(("0-", "-5", "5-1", "a-b", "0-1," * 900)))
    if random.random() < 0.2:
        headers.append(
            random.choice(
                (
                    "Origin: http://evil.example",
                    "Accept-Language: " + "zh;q=" * 500,
                    "X-Forwarded-Host: evil.example",
                    "Cookie: access-token=../../x; access-token-unsecure=\x01",
                    "Referer: http://" + "r" * 9000,
                    "Host: evil.example",
                    "Upgrade: websocket",
                )
            )
        )
    return request("path", method, path + end, headers=headers)


def _event(random: Random, target: Target) -> Case:
    """A call of the page's API with a file that is none of ours."""
    data = [
        file_data(random, target),
        random.choice((question(random), junk(random, target))),
        random.choice((5, junk(random, target))),
        random.choice(("auto", place(random, target))),
    ]
    data = data[: random.choice((4, 4, 4, 3, 2, 0))]
    body = dumped(random, {"data": data})
    follow = "/gradio_api/call/ask/%s"
    return request("call", "POST", "/gradio_api/call/ask", "application/json", body, follow=follow)


def _queue(random: Random, target: Target) -> Case:
    """What the page's own script sends, with other contents."""
    session = f"s{random.randrange(2**32):08x}"
    number = random.choice(list(target.events))
    data = [
        random.choice((None, 1, 2, "auto", "en", file_data(random, target), question(random)))
        for _ in range(target.events[number])
    ]
    value = {"data": data, "fn_index": number, "session_hash": session}
    value |= {"trigger_id": None, "event_data": random.choice((None, {"index": -1}, [1]))}
    odd = random.choice(list(value))
    if random.random() < 0.4:
        value[odd] = random.choice((junk(random, target), -1, 99, 10**30, "", "../x"))
    if random.random() < 0.2:
        del value[random.choice(list(value))]
    path = random.choice(("/gradio_api/queue/join",) * 9 + ("/gradio_api/run/ask",))
    follow = "/gradio_api/queue/data?session_hash=" + session
    body = dumped(random, value)
    return request("queue", "POST", path, "application/json", body, follow=follow)


def _other(random: Random, target: Target) -> Case:
    """Every other door that Gradio has."""
    path = random.choice(
        (
            "/gradio_api/component_server",
            "/gradio_api/process_recording",
            "/gradio_api/vibe-edit",
            "/gradio_api/vibe-code",
            "/gradio_api/undo-vibe-edit",
            "/gradio_api/cancel",
            "/gradio_api/reset",
            "/gradio_api/stream/x",
            "/gradio_api/stream/x/close",
            "/gradio_api/call/v2/ask",
            "/gradio_api/call/ask_on_page",
            "/gradio_api/api/ask",
            "/gradio_api/run-history/connect",
            "/gradio_api/mcp/sse",
            "/login",
        )
    )
    body = dumped(random, {"data": [file_data(random, target)], "x": junk(random, target)})
    if random.random() < 0.5:
        body = dumped(random, junk(random, target))
    return request("other", "POST", path, random.choice(_TYPES[4:8]), body)


def _upload(random: Random, target: Target) -> Case:
    body = form(*[("files", name(random), picture(random)) for _ in range(random.randrange(1, 3))])
    path = "/gradio_api/upload" + random.choice(("", "", "?upload_id=" + place(random, target)))
    path = path.replace("\0", "%00").replace(" ", "%20")
    return request("upload", "POST", path, FORM, body, follow="upload")


def _noise(random: Random, target: Target) -> Case:
    head = random.choice(
        (
            random.randbytes(random.randrange(1, 200)),
            b"GET / HTTP/9.9",
            b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example",
            b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000,
            b"POST /api/ask HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 9",
            b"POST /api/ask HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
            b"PRI * HTTP/2.0",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(90),
            b"GET /gradio_api/info HTTP/1.1\r\nHost: \xff\xff\r\nConnection: close",
        )
    )
    return Case("noise", head, random.randbytes(random.randrange(50)), hang_up=True)


_SHARES: tuple[tuple[Callable[[Random, Target], Case], int], ...] = (
    (_ask, 20),
    (_ask_batch, 12),
    (_broken_form, 8),
    (_sizes, 5),
    (_paths, 16),
    (_event, 12),
    (_queue, 10),
    (_other, 7),
    (_upload, 7),
    (_noise, 3),
)


def case(seed: int, number: int, target: Target) -> Case:
    """Case `number` of a seed."""
    random = Random(f"{seed}/{number}")
    builders, weights = zip(*_SHARES, strict=True)
    return random.choices(builders, weights)[0](random, target)
