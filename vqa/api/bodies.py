"""What the API sends: answers are `vqa.predictor.Answer`, errors are these bodies."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from vqa.errors import (
    AudioError,
    BusyError,
    CheckpointError,
    ConfigError,
    ImageError,
    QuestionError,
    StoppingError,
    VQAError,
)
from vqa.predictor import Answer


class TooLargeError(ImageError):
    """A picture or a request is larger than the server takes."""

    def __init__(self, what: str, what_zh: str, limit: int) -> None:
        most = f"{limit / 2**20:.2g} MB"
        super().__init__(
            f"The {what} is larger than {most}; send smaller or fewer pictures.",
            zh=f"{what_zh}超过 {most}，请缩小图片或减少数量。",
        )


class ItemError(VQAError):
    """An entry of a batch has not the form of a question."""


# The first that fits: error -> HTTP status, what the body calls it.
_KINDS = {
    TooLargeError: (413, "too_large"),
    BusyError: (429, "busy"),
    StoppingError: (503, "stopping"),
    CheckpointError: (404, "checkpoint"),
    ConfigError: (400, "option"),
    ImageError: (422, "image"),
    QuestionError: (422, "question"),
    AudioError: (422, "audio"),
    ItemError: (422, "request"),
    VQAError: (422, "input"),
}


class ErrorInfo(BaseModel):
    """One sentence that names the input and the remedy."""

    kind: str = Field(examples=["image", "question", "audio", "checkpoint", "request", "busy"])
    message: str
    message_zh: str = Field(description="in Chinese; English where there is no translation")


class ErrorBody(BaseModel):
    """Why there is no answer."""

    error: ErrorInfo


class BatchBody(BaseModel):
    """Answers in the order of the questions; an error stands in the place of its question."""

    answers: list[Answer | ErrorBody]


class ItemBody(BaseModel):
    """One question of a batch."""

    image: int | str = Field(description="index of the picture among those sent, or its file name")
    question: str


class StatusBody(BaseModel):
    """What /healthz and /readyz say."""

    status: str


def error_body(error: VQAError) -> ErrorBody:
    """The body for an error that the user can mend."""
    return _body(_kind(error)[1], error)


def error_response(error: VQAError) -> JSONResponse:
    """The answer for an error that the user can mend; `Retry-After` goes with a busy one."""
    status, kind = _kind(error)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, BusyError) else {}
    return failure(status, kind, error, headers)


def failure(status: int, kind: str, error: VQAError, headers: dict | None = None) -> JSONResponse:
    """The answer for an error of the transport: no such path, too slow, not logged in, ..."""
    return JSONResponse(_body(kind, error).model_dump(), status, headers)


def locked(seconds: int) -> JSONResponse:
    """The answer to an address that wrong passwords came from, to be sent for `seconds` more."""
    return error_response(
        BusyError(seconds, "There were too many wrong passwords", "密码错误次数过多")
    )


def no_form() -> JSONResponse:
    """The answer to what is no form with a file."""
    sentence = VQAError(
        "Send a form with a file, as multipart/form-data.",
        zh="请以 multipart/form-data 表单发送文件。",
    )
    return failure(415, "request", sentence)


def bug() -> JSONResponse:
    """The answer where the server is at fault."""
    sentence = VQAError(
        "Something went wrong on the server; it has been noted.", zh="服务器出错，已记录。"
    )
    return failure(500, "internal", sentence)


def _body(kind: str, error: VQAError) -> ErrorBody:
    info = ErrorInfo(kind=kind, message=str(error), message_zh=error.sentence("zh"))
    return ErrorBody(error=info)


def _kind(error: VQAError) -> tuple[int, str]:
    return next(found for kind, found in _KINDS.items() if isinstance(error, kind))
