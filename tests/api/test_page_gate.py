"""What the page's gate refuses is said in English and in Chinese."""

from __future__ import annotations

import re

import pytest

from vqa.api.attempts import Attempts
from vqa.api.gate import ApiLimits
from vqa.api.page_gate import PageGate

testclient = pytest.importorskip("starlette.testclient")
JOIN, CALL, UPLOAD = "/gradio_api/queue/join", "/gradio_api/call/ask", "/gradio_api/upload"


async def let_in(scope, receive, send):
    """Stands for Gradio's app, with a bug where it is asked for its configuration."""
    if scope["path"] == "/config":
        raise RuntimeError("secret")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"in"})


@pytest.fixture(scope="module")
def client():
    gate = PageGate(let_in, {0: 2}, {"ask": 0}, ApiLimits(upload_bytes=1000), Attempts())
    return testclient.TestClient(gate)


@pytest.mark.parametrize(
    ("method", "path", "what", "status", "names"),
    [
        ("GET", "/nowhere", {}, 404, "/"),
        ("PUT", "/", {}, 405, "PUT"),
        ("GET", "/gradio_api/file=http://x", {}, 403, ""),
        ("POST", JOIN, {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, ""),
        ("POST", JOIN, {"headers": {"Origin": "http://other.example"}}, 403, ""),
        ("POST", "/login", {"json": {}}, 415, ""),
        ("POST", UPLOAD, {"json": {}}, 415, "multipart/form-data"),
        ("POST", UPLOAD, {"files": {"a": b"\0" * 400_000}}, 413, "MB"),
        ("POST", JOIN, {"content": b"{}"}, 415, "application/json"),
        ("POST", JOIN, {"content": b"{", "headers": {"Content-Type": "application/json"}}, 422, ""),
        ("POST", JOIN, {"json": []}, 422, "data"),
        ("POST", JOIN, {"json": {"data": []}}, 422, "fn_index"),
        ("POST", JOIN, {"json": {"fn_index": 0, "session_hash": ""}}, 422, "session_hash"),
        ("POST", JOIN, {"json": {"fn_index": 7, "session_hash": "a"}}, 422, "7"),
        ("POST", JOIN, {"json": {"fn_index": 0, "session_hash": "a"}}, 422, "data"),
        ("POST", CALL + "s", {"json": {"data": [1, 2]}}, 422, "'asks'"),
        ("POST", CALL, {"json": {"data": [1]}}, 422, "1"),
        ("GET", "/config", {}, 500, ""),
    ],
)
def test_refusals_are_said_in_both_languages(client, method, path, what, status, names):
    response = client.request(method, path, **what)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    for sentence in (error["message"], error["message_zh"]):
        assert names in sentence and "secret" not in sentence
    assert re.search("[一-鿿]", error["message_zh"]) and error["message_zh"].endswith("。")
    assert not re.search("[一-鿿]", error["message"])


def test_what_the_page_needs_is_let_in(client):
    assert client.get("/").text == "in"
    assert client.post(CALL, json={"data": [1, 2]}).text == "in"
    assert client.post(UPLOAD, files={"a": b"1"}).text == "in"
