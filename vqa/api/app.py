"""The API itself: POST /api/ask and /api/ask_batch, /healthz, /readyz, /metrics.

Its schema is at /api/openapi.json. There is no page of documentation: FastAPI's loads scripts from
another server.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from functools import partial
from typing import Annotated, Any

import orjson
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import Json, ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from vqa import __version__
from vqa.api.bodies import (
    BatchBody,
    ErrorBody,
    ItemBody,
    ItemError,
    StatusBody,
    TooLargeError,
    bug,
    error_body,
    error_response,
    failure,
)
from vqa.api.gate import (
    ASK,
    ASK_BATCH,
    HEALTH,
    METRICS,
    READY,
    SCHEMA,
    ApiLimits,
    Gate,
    RefusedBody,
)
from vqa.api.meters import Meters
from vqa.batching import Batcher
from vqa.errors import AudioError, ImageError, QuestionError, StoppingError, VQAError
from vqa.pictures import PictureFile
from vqa.places import written
from vqa.predictor import AUTO, Answer
from vqa.predictor import Request as Asked
from vqa.speech.listening import Listener
from vqa.speech.recogniser import check_alone, with_heard

MOST_IN_BATCH = 32
_HASHED_AT_ONCE = 2**20  # bytes, about a millisecond
_TOLD = {
    400: "an option is wrong",
    401: "user and password are needed",
    404: "there is no such checkpoint",
    408: "the body took too long",
    413: "the body is too large",
    415: "it is no form with a file",
    422: "the picture, the question or a field cannot be used",
    429: "busy; Retry-After says for how many seconds",
    503: "the service is stopping",
}
_ERRORS = {status: {"model": ErrorBody, "description": text} for status, text in _TOLD.items()}
TopK = Annotated[int, Form(ge=1, le=100, description="how many answers `top` lists")]
Checkpoint = Annotated[str, Form(description="which one to ask; auto: the one that knows most")]


def build_api(
    batcher: Batcher,
    limits: ApiLimits,
    waiting: int,
    auth: tuple[str, str] | None = None,
    listener: Listener | None = None,
) -> Gate:
    """The ASGI app of the API.

    Args:
        batcher: who answers.
        limits: of sizes and times.
        waiting: how many questions may wait at once, as `Batcher` has it.
        auth: (user, password) to ask for.
        listener: who writes down recordings; None where none are taken.
    """
    meters = Meters(batcher)
    app = FastAPI(
        title="vqa",
        version=__version__,
        description="Ask pictures questions, in English and Chinese.",
        openapi_url=SCHEMA,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    gate = Gate(app, meters, limits, auth)
    _handle_errors(app)
    _add_questions(app, batcher, limits, waiting, listener)
    _add_states(app, batcher, gate, meters)
    return gate


def _add_questions(
    app: FastAPI, batcher: Batcher, limits: ApiLimits, waiting: int, listener: Listener | None
) -> None:
    # Who decodes a picture holds a thread: not one of those the page lives on, and one more than
    # may wait, so that it is the batcher that refuses.
    threads = CapacityLimiter(waiting + 1)

    async def answers(asked: list[Asked], top_k: int, checkpoint: str) -> list[Answer | VQAError]:
        if all(isinstance(a.image, PictureFile) and batcher.knows(a) for a in asked):
            replies = batcher.begin(asked, top_k, checkpoint)
        else:
            begin = partial(batcher.begin, asked, top_k, checkpoint)
            replies = await to_thread.run_sync(begin, limiter=threads)
        return [await _outcome(reply) for reply in replies]

    @app.post(ASK, response_model=Answer, responses=_ERRORS)
    async def ask(
        request: Request,
        image: Annotated[UploadFile, File(description="the file of a picture")],
        question: Annotated[str | None, Form(description="in English or Chinese")] = None,
        top_k: TopK = 5,
        checkpoint: Checkpoint = AUTO,
        audio: Annotated[
            UploadFile | None, File(description="a recording in place of the question")
        ] = None,
        place: Annotated[
            str | None,
            Form(description="x,y in shares of width and height, 0 to 1: ask about what is there"),
        ] = None,
    ):
        """Answers one question about one picture, typed or spoken."""
        picture, heard = await _read(image, limits), None
        if audio is not None:
            check_alone(question or "")
            if listener is None:
                raise AudioError(
                    "This server takes no recordings; type the question.",
                    zh="这台服务器不接受录音，请输入文字。",
                )
            hear = partial(listener.transcribe, await audio.read())
            heard = await to_thread.run_sync(hear, limiter=threads)
            question = heard.text
        elif question is None:
            missing = {"type": "missing", "loc": ("body", "question")}
            raise RequestValidationError([missing], body=await request.form())
        there = None if place is None else written(place)
        found = await answers([Asked(picture, question, there)], top_k, checkpoint)
        if isinstance(found[0], VQAError):
            raise found[0]
        return _json(with_heard(found[0], heard).to_dict())

    @app.post(ASK_BATCH, response_model=BatchBody, responses=_ERRORS)
    async def ask_batch(
        image: Annotated[
            list[UploadFile], File(description="the files of pictures", max_length=MOST_IN_BATCH)
        ],
        requests: Annotated[
            Json[list[Any]],
            Form(
                description='JSON: [{"image": index or file name, "question": "..."}, ...]',
                max_length=MOST_IN_BATCH,
            ),
        ],
        top_k: TopK = 5,
        checkpoint: Checkpoint = AUTO,
    ):
        """Answers several questions about several pictures, in the order of `requests`."""
        names = [file.filename for file in image]
        pictures: dict[int, PictureFile | bytes] = {}
        replies: list[Answer | VQAError | None] = []
        asked: list[Asked] = []
        for number, value in enumerate(requests):
            try:
                item = _item(number, value)
                place = _place(item.image, names)
                if place not in pictures:
                    pictures[place] = await _read(image[place], limits)
                asked.append(Asked(pictures[place], item.question))
                replies.append(None)
            except VQAError as error:
                replies.append(error)
        found = iter(await answers(asked, top_k, checkpoint))
        bodies = [next(found) if reply is None else reply for reply in replies]
        return _json(
            {
                "answers": [
                    error_body(reply).model_dump()
                    if isinstance(reply, VQAError)
                    else reply.to_dict()
                    for reply in bodies
                ]
            }
        )


def _add_states(app: FastAPI, batcher: Batcher, gate: Gate, meters: Meters) -> None:
    @app.get(HEALTH, response_model=StatusBody)
    @app.head(HEALTH, include_in_schema=False)
    async def healthz():
        """The process is alive."""
        return StatusBody(status="alive")

    @app.get(READY, response_model=StatusBody, responses={503: _ERRORS[503]})
    @app.head(READY, include_in_schema=False)
    async def readyz():
        """The model is loaded and questions are taken."""
        if gate.stopping or not batcher.open:
            raise StoppingError()
        return StatusBody(status="ready")

    @app.get(METRICS, response_class=Response)
    async def metrics(request: Request):
        """Figures for Prometheus."""
        content, kind = meters.page(request.headers.get("accept", ""))
        return Response(content, media_type=kind)


async def _outcome(reply: Future[Answer]) -> Answer | VQAError:
    """Waits for an answer; other errors than a VQAError are raised."""
    try:
        return await asyncio.wrap_future(reply)
    except VQAError as error:
        return error


def _json(content: dict) -> Response:
    # Half of an answer is numbers, which orjson writes ten times as quickly.
    return Response(orjson.dumps(content), media_type="application/json")


async def _read(file: UploadFile, limits: ApiLimits) -> PictureFile | bytes:
    """A picture; what the file is called means nothing. A large one is left to be hashed in a
    thread.

    Raises:
        TooLargeError: it is larger than a picture may be.
    """
    if (file.size or 0) > limits.upload_bytes:
        raise TooLargeError("picture", "图片", limits.upload_bytes)
    data = await file.read()
    return PictureFile.of(data) if len(data) <= _HASHED_AT_ONCE else data


def _place(image: int | str, names: list[str | None]) -> int:
    """The index of the picture that a question of a batch is about.

    Raises:
        ImageError: none of them, or several.
    """
    found = [k for k, name in enumerate(names) if image in (k, name)]
    if len(found) != 1:
        count, said = len(names), repr(str(image)[:60])
        sent, sent_zh = (f"{count} were sent", f"共发送 {count} 张")
        if not found:
            many, many_zh = f"No picture is {said} ({sent})", f"没有图片 {said}（{sent_zh}）"
        else:
            many = f"{len(found)} pictures are called {said} ({sent})"
            many_zh = f"有 {len(found)} 张图片叫 {said}（{sent_zh}）"
        raise ImageError(
            f"{many}; name one by its index from 0, or by its file name.",
            zh=f"{many_zh}，请用从 0 开始的序号或文件名指明一张。",
        )
    return found[0]


def _item(number: int, value: object) -> ItemBody:
    """One question of a batch.

    Raises:
        ItemError: it has not the form of one; says what is wrong.
    """
    try:
        return ItemBody.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        if not field:
            why, why_zh = "is not an object", "不是对象"
        elif first["type"] == "missing":
            why, why_zh = f"has no {field}", f"缺少 {field}"
        else:
            why, why_zh = f"has another kind of {field}", f"的 {field} 类型不对"
        raise ItemError(
            f'Entry {number} of requests {why}; it must be like {{"image": 0, "question": "..."}}.',
            zh=f'requests 的第 {number} 项{why_zh}，应形如 {{"image": 0, "question": "..."}}。',
        ) from error


_WRONG = {
    "image": (
        f"must be the file of a picture, or at most {MOST_IN_BATCH} of them in a batch",
        f"必须是图片文件，一批最多 {MOST_IN_BATCH} 个",
    ),
    "question": ("must be text", "必须是文字"),
    "audio": ("must be the file of a recording", "必须是录音文件"),
    "top_k": ("must be a whole number from 1 to 100", "必须是 1 到 100 的整数"),
    "requests": (
        f"must be a JSON list of at most {MOST_IN_BATCH} questions",
        f"必须是 JSON 列表，最多 {MOST_IN_BATCH} 个问题",
    ),
    "place": ("must be two numbers such as 0.2,0.4", "必须是两个数，例如 0.2,0.4"),
    "checkpoint": ("must be the name of a checkpoint", "必须是检查点的名称"),
}


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(VQAError)
    async def mendable(request, error: VQAError):
        return error_response(error)

    @app.exception_handler(RequestValidationError)
    async def wrong_field(request, error: RequestValidationError):
        first = error.errors()[0]
        field, kind = str(first["loc"][1]), first["type"]
        # To FastAPI an empty field is a missing one.
        given = kind == "missing" and isinstance(error.body, FormData) and field in error.body
        if given and field == "question":
            empty = "The question is empty; type a question about the picture."
            return error_response(QuestionError(empty, zh="问题是空的，请输入一个关于图片的问题。"))
        why, why_zh = _WRONG.get(field, ("is not valid", "无效"))
        if kind == "missing":
            why, why_zh = ("is empty", "是空的") if given else ("is missing", "缺失")
            if field == "question":
                why += "; send it, or a recording as audio"
                why_zh += "，请发送问题，或用 audio 发送录音"
        sentence = VQAError(f"The field {field[:60]} {why}.", zh=f"字段 {field[:60]} {why_zh}。")
        return failure(422, "request", sentence)

    @app.exception_handler(RefusedBody)
    async def refused(request, error: RefusedBody):
        return error.response

    @app.exception_handler(HTTPException)
    async def not_served(request, error: HTTPException):
        zh = {404: "没有这个地址", 405: "不支持这种请求方法"}.get(error.status_code, "请求无法读取")
        sentence = VQAError(
            f"{error.detail.rstrip('.')}; see {SCHEMA}.", zh=f"{zh}，请参阅 {SCHEMA}。"
        )
        return failure(error.status_code, "request", sentence, error.headers)

    @app.exception_handler(Exception)
    async def broken(request, error: Exception):
        return bug()
