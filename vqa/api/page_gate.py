"""What every request to the page passes: paths, sizes, times, and the form of what Gradio is sent.

Gradio takes bodies of any size and answers 500 to some that are malformed; both end here. Plain
ASGI, as gate.py.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vqa.api.attempts import Allowance, Attempts
from vqa.api.bodies import bug, error_response, failure, locked, no_form
from vqa.api.gate import ApiLimits, RefusedBody, address_of, bounded, foreign, too_large
from vqa.errors import BusyError, VQAError, described

_log = logging.getLogger(__name__)
_BASE = "/gradio_api/"
_UPLOAD, _JOIN, _CALL, _LOGIN = _BASE + "upload", _BASE + "queue/join", _BASE + "call/", "/login"
MCP = _BASE + "mcp"
# What the page and gradio_client ask for; Gradio has more doors than that (a proxy, recordings, a
# code editor, ...), which stay shut.
_EXACT = {
    "/",
    "/config",
    "/theme.css",
    "/login",
    "/logout",
    "/favicon.ico",
    "/manifest.json",
    "/robots.txt",
} | {
    _BASE + name
    for name in (
        "upload upload_progress queue/join queue/data cancel reset info openapi.json config user "
        "login_check token app_id startup-events theme.css"
    ).split()
}
_BELOW = ("/assets/", "/static/", "/pwa_icon", _CALL, _BASE + "file=", _BASE + "heartbeat/")
_INFO = _BASE + "info"
_JSON_BYTES = 256 * 2**10
_TOGETHER = 32  # largest pictures that one upload may weigh; Gradio checks each of them
_UPLOAD_PATIENCE = 5  # they may take longer to send than one
_SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)
_MULTIPART = re.compile(rb'multipart/form-data;\s*boundary="?[\w\'()+,./:=? -]{1,70}"?\s*', re.I)
_FIELDS = b"application/x-www-form-urlencoded"
# Gradio's scripts are partly inline, and it makes functions of the page's own event code.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self' https://huggingface.co"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": _POLICY,
    # For nobody that the page might frame.
    "Permissions-Policy": "camera=(self), microphone=(self)",
}


class PageGate:
    """An ASGI app around Gradio's that lets through what the page needs.

    Args:
        app: Gradio's.
        inputs: number of an event -> how many values it is sent.
        names: name of a public endpoint -> number of its event.
        limits: of sizes and times.
        attempts: counts wrong passwords.
    """

    def __init__(
        self,
        app: ASGIApp,
        inputs: Mapping[int, int],
        names: Mapping[str, int],
        limits: ApiLimits,
        attempts: Attempts,
    ) -> None:
        self._app, self._inputs, self._names = app, inputs, names
        self._limits, self._attempts = limits, attempts
        self._uploads = Allowance(limits.hourly_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:  # the page has no web sockets
                await send({"type": "websocket.close", "code": 1000})
            return
        path, begun = scope["path"], False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._note(scope, message)
            await send(message)

        try:
            response = self._refusal(scope)
            if response is None and scope["method"] == "POST":
                response, receive = await self._body(scope, receive)
            await (response or self._app)(scope, receive, guarded)
        except RefusedBody as refused:
            if not begun:
                await refused.response(scope, receive, guarded)
        except Exception as error:
            _log.error("%s failed: %s", path.split("=")[0], described(error))
            if not begun:
                await bug()(scope, receive, guarded)

    def _note(self, scope: Scope, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        # Gradio lets every site read answers, with the visitor's login, unless the host is local.
        for name in [name for name in headers if name.startswith("access-control-")]:
            del headers[name]
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if scope["path"] == _LOGIN and scope["method"] == "POST" and message["status"] == 400:
            self._attempts.wrong(address_of(scope))

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to what needs no body to be refused."""
        path, method = scope["path"], scope["method"]
        known = path.rstrip("/") or "/"
        if not (known in _EXACT or path.startswith((*_BELOW, MCP))) or "\0" in path:
            return _said(
                404, "There is no such page; the page is at /.", "没有这个页面，首页在 /。"
            )
        if method not in ("GET", "HEAD", "POST") and not path.startswith(MCP):
            shown = method[:20]
            return _said(
                405,
                f"The method {shown} is not served; use GET or POST.",
                f"不支持 {shown} 方法，请使用 GET 或 POST。",
            )
        if path.startswith(_BASE + "file="):
            # No address: Gradio would send the visitor there.
            place = path[len(_BASE + "file=") :]
            if not place.startswith("/") and not re.match(r"[A-Za-z]:[\\/]", place):
                return _said(
                    403,
                    "Only files that were sent to this server are served.",
                    "只提供上传到本服务器的文件。",
                )
        if method != "POST":
            return None
        if foreign(scope):
            return _said(
                403,
                "Other websites may not send this; open the page itself.",
                "其他网站不能发送这个请求，请直接打开本页面。",
            )
        if known == _LOGIN and (wait := self._attempts.wait(address_of(scope))):
            return locked(wait)
        if known == _UPLOAD and (wait := self._uploads.wait()):
            return error_response(BusyError(wait))
        return None

    async def _body(self, scope: Scope, receive: Receive) -> tuple[Response | None, Receive]:
        """The answer to a body that is refused, else a `receive` that hands it on."""
        path = scope["path"].rstrip("/")
        kind = dict(scope["headers"]).get(b"content-type", b"")
        most = _JSON_BYTES
        is_json = not path.startswith((_UPLOAD, _LOGIN, MCP))
        if path == _LOGIN and not (_MULTIPART.fullmatch(kind) or kind.lower().startswith(_FIELDS)):
            sentences = "Send user name and password as a form.", "请以表单发送用户名和密码。"
            return _said(415, *sentences), receive
        if path == _UPLOAD:
            most = _TOGETHER * self._limits.upload_bytes + _JSON_BYTES
            if not _MULTIPART.fullmatch(kind):
                return no_form(), receive
        elif path.startswith(MCP):
            # A picture travels as text in its JSON.
            most = 2 * self._limits.upload_bytes + _JSON_BYTES
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced[:20]) > most:
            return too_large(most), receive
        seconds = self._limits.body_seconds
        if path == _UPLOAD:
            limited = bounded(receive, most, seconds * _UPLOAD_PATIENCE, self._uploads.take)
        else:
            limited = bounded(receive, most, seconds)
        if not is_json:
            return None, limited
        if not kind.lower().startswith(b"application/json"):
            sentences = "Send JSON, as application/json.", "请以 application/json 发送 JSON。"
            return _said(415, *sentences), receive
        body, more = bytearray(), True
        while more:
            message = await limited()
            if message["type"] == "http.disconnect":
                sentences = "The request ended before all of it came.", "请求没有发送完整。"
                raise RefusedBody(_said(400, *sentences))
            body += message.get("body", b"")
            more = message.get("more_body", False)
        wrong = self._wrong(path, bytes(body))
        if wrong is not None:
            return failure(422, "request", wrong), receive
        left: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def again() -> Message:
            return left.pop() if left else await receive()

        return None, again

    def _wrong(self, path: str, body: bytes) -> VQAError | None:
        """What is wrong with the JSON of an event."""
        try:
            value = json.loads(body.decode("utf-8"))
            # Half characters and infinite numbers could not be sent back.
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
        except (ValueError, RecursionError):
            return VQAError(
                f"The body is not JSON in UTF-8; see {_INFO} for what is expected.",
                zh=f"请求的内容不是 UTF-8 的 JSON，格式请参阅 {_INFO}。",
            )
        if not isinstance(value, dict) or not isinstance(value.get("data", {}), list | dict):
            return VQAError(
                f"The body must be an object, and its data a list; see {_INFO}.",
                zh=f"请求的内容必须是对象，其中 data 必须是列表，请参阅 {_INFO}。",
            )
        if path != _JOIN and not path.startswith(_CALL):
            return None
        if path == _JOIN:
            number, session = value.get("fn_index"), value.get("session_hash")
            if isinstance(number, bool) or not isinstance(number, int):
                return VQAError(
                    "fn_index must be the number of an event; open the page again.",
                    zh="fn_index 必须是事件的编号，请重新打开页面。",
                )
            if not isinstance(session, str) or not _SESSION.fullmatch(session):
                return VQAError(
                    "session_hash must be letters and digits, 64 at most.",
                    zh="session_hash 只能是字母和数字，最多 64 个。",
                )
        else:
            name = path.rpartition("/")[2]
            number = self._names.get(name)
            if number is None:
                return VQAError(
                    f"There is no endpoint {name[:60]!r}; see {_INFO}.",
                    zh=f"没有接口 {name[:60]!r}，请参阅 {_INFO}。",
                )
        wanted = self._inputs.get(number)
        if wanted is None:
            shown = str(number)[:20]
            return VQAError(
                f"There is no event {shown}; open the page again.",
                zh=f"没有事件 {shown}，请重新打开页面。",
            )
        given = value.get("data")
        if isinstance(given, list) and len(given) != wanted:
            return VQAError(
                f"data holds {len(given)} values and {wanted} are expected.",
                zh=f"data 有 {len(given)} 个值，应为 {wanted} 个。",
            )
        if path == _JOIN and not isinstance(given, list):
            return VQAError("data must be a list.", zh="data 必须是列表。")
        return None


def _said(status: int, sentence: str, zh: str) -> Response:
    return failure(status, "request", VQAError(sentence, zh=zh))
