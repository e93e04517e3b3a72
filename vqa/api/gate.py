"""What every request to the API passes: login, size, time, memory, and the way out when stopping.

Plain ASGI, because all of it happens before or while the body is read.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable
from dataclasses import dataclass
from secrets import compare_digest
from time import monotonic, perf_counter

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vqa.api.attempts import Attempts
from vqa.api.bodies import TooLargeError, error_response, failure, locked, no_form
from vqa.api.meters import Meters
from vqa.errors import BusyError, StoppingError, VQAError, described

_log = logging.getLogger(__name__)
ASK, ASK_BATCH = "/api/ask", "/api/ask_batch"
HEALTH, READY, METRICS, SCHEMA = "/healthz", "/readyz", "/metrics", "/api/openapi.json"
_PATHS = (ASK, ASK_BATCH, HEALTH, READY, METRICS, SCHEMA)
_FORM_BYTES = 64 * 2**10  # beside the pictures: questions, names of files
BATCH_PICTURES = 4  # largest pictures that one batch may weigh


@dataclass(frozen=True)
class ApiLimits:
    """What one request, and all together, may ask of the API.

    Attributes:
        upload_bytes: the largest picture file.
        body_seconds: the longest time that sending a body may take.
        bodies_bytes: memory for the bodies of all requests at once.
        hourly_bytes: all that the page may store of uploads within an hour.
    """

    upload_bytes: int = 10 * 2**20
    body_seconds: float = 60.0
    bodies_bytes: int = 256 * 2**20
    hourly_bytes: int = 2 * 2**30

    def body_bytes(self, path: str) -> int:
        """The largest body of a request for `path`."""
        pictures = {ASK: 1, ASK_BATCH: BATCH_PICTURES}.get(path, 0)
        return pictures * self.upload_bytes + _FORM_BYTES


def address_of(scope: Scope) -> str:
    """Where a request comes from, as far as the server can tell."""
    return (scope.get("client") or ("unknown", 0))[0]


def foreign(scope: Scope) -> bool:
    """Whether a browser says that the page of another site sends the request.

    It says so in `Sec-Fetch-Site`, but over plain HTTP only to its own machine; then `Origin` names
    the site, and programs send neither.
    """
    headers = dict(scope["headers"])
    said, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if said is not None or origin is None:
        return said == b"cross-site"
    ours = headers.get(b"host"), headers.get(b"x-forwarded-host")  # of a proxy in front
    return origin.rpartition(b"//")[2] not in ours


class RefusedBody(HTTPException):
    """Raised while the body is read; an HTTPException, so that FastAPI lets it through."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def too_large(most: int) -> Response:
    """The answer to a body of more than `most` bytes."""
    return error_response(TooLargeError("request", "请求", most))


def bounded(
    receive: Receive, most: int, seconds: float, come: Callable[[int], None] = lambda count: None
) -> Receive:
    """`receive`, until more than `most` bytes have come or `seconds` have gone by.

    Args:
        receive: of a request.
        most: bytes. seconds: from now on.
        come: told how many bytes came, each time.

    Raises:
        RefusedBody: from what is returned.
    """
    end, total, more = monotonic() + seconds, 0, True

    async def receive_bounded() -> Message:
        nonlocal total, more
        if not more:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), end - monotonic())
        except TimeoutError as error:
            sentence = VQAError(
                f"The request took longer than {seconds:g} s to send; send smaller pictures.",
                zh=f"发送请求超过 {seconds:g} 秒，请缩小图片。",
            )
            raise RefusedBody(failure(408, "too_slow", sentence)) from error
        count = len(message.get("body", b""))
        total += count
        come(count)
        more = message.get("more_body", False)
        if total > most:
            raise RefusedBody(too_large(most))
        return message

    return receive_bounded


class Gate:
    """An ASGI app around the API that lets through what may pass, and counts it.

    Args:
        app: the API.
        meters: count the requests.
        limits: see there.
        auth: (user, password) for HTTP Basic; asked for everywhere but at /healthz and /readyz.
    """

    def __init__(
        self, app: ASGIApp, meters: Meters, limits: ApiLimits, auth: tuple[str, str] | None
    ) -> None:
        self._app, self._meters, self.limits = app, meters, limits
        self.attempts = Attempts()
        self._login = ":".join(auth).encode() if auth else None
        self._reserved = 0
        self._active = 0
        self._stopping = False

    @staticmethod
    def owns(path: str) -> bool:
        """Whether a path is the API's, not the page's."""
        return path.startswith("/api/") or path in _PATHS

    def stop(self) -> None:
        """Questions are refused from now on; those let in go on."""
        self._stopping = True

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    @property
    def active(self) -> int:
        """Questions let in and not yet answered."""
        return self._active

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, begin, status = scope["path"], perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            response = self._refusal(scope)
            if response is not None:
                await response(scope, receive, noted)
            elif path in (ASK, ASK_BATCH):
                await self._question(scope, receive, noted)
            else:
                await self._app(scope, receive, noted)
        except Exception as error:
            # The framework has sent its answer before raising.
            _log.error("%s failed: %s", path, described(error))
        finally:
            known = path if path in _PATHS else "other"
            self._meters.request(known, status, perf_counter() - begin)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to what needs no body to be refused."""
        path = scope["path"]
        headers = {name: value for name, value in scope["headers"]}
        address = address_of(scope)
        if self._login is not None and path not in (HEALTH, READY):
            if wait := self.attempts.wait(address):
                return locked(wait)
        if path not in (HEALTH, READY) and not self._may_enter(headers):
            if b"authorization" in headers:
                self.attempts.wrong(address)
            return failure(
                401,
                "login",
                VQAError(
                    "User and password are needed; send them as HTTP Basic.",
                    zh="需要用户名和密码，请用 HTTP Basic 发送。",
                ),
                {"WWW-Authenticate": 'Basic realm="vqa", charset="UTF-8"'},
            )
        if path not in (ASK, ASK_BATCH) or scope["method"] != "POST":
            return None
        if foreign(scope):
            sentence = VQAError(
                "Other websites may not ask; call the API from a program or its own page.",
                zh="其他网站不能提问，请从程序或本页面调用。",
            )
            return failure(403, "request", sentence)
        if self._stopping:
            return error_response(StoppingError())
        if not headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data"):
            return no_form()
        if self._length(scope) > self.limits.body_bytes(path):
            return too_large(self.limits.body_bytes(path))
        if self._reserved and self._reserved + self._length(scope) > self.limits.bodies_bytes:
            return error_response(BusyError(1))
        return None

    async def _question(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = self._length(scope)
        self._reserved += length
        self._active += 1
        try:
            await self._app(
                scope,
                bounded(receive, self.limits.body_bytes(scope["path"]), self.limits.body_seconds),
                send,
            )
        finally:
            self._reserved -= length
            self._active -= 1

    def _length(self, scope: Scope) -> int:
        """Bytes to set aside for a body: as announced, else as much as it may have."""
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit():
            # A few that are sent by the byte must not be let in by the million.
            return max(int(announced), _FORM_BYTES)
        return self.limits.body_bytes(scope["path"])

    def _may_enter(self, headers: dict[bytes, bytes]) -> bool:
        if self._login is None:
            return True
        scheme, _, sent = headers.get(b"authorization", b"").partition(b" ")
        try:
            given = base64.b64decode(sent.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return compare_digest(given, self._login) and scheme.lower() == b"basic"


class Front:
    """One ASGI app of two: the API has its paths, the page the others."""

    def __init__(self, gate: Gate, page: ASGIApp) -> None:
        self._gate, self._page = gate, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and Gate.owns(scope["path"])
        await (self._gate if ours else self._page)(scope, receive, send)
