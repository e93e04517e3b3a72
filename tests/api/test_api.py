"""The HTTP API: answers and errors as JSON, whatever is sent."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from time import sleep

import pytest
from fakes import FakePredictor, scene_picture
from PIL import Image

from vqa.api.app import MOST_IN_BATCH, build_api
from vqa.api.gate import ApiLimits, Gate
from vqa.batching import Batcher
from vqa.predictor import Answer
from vqa.routing import Router, load_predictor

testclient = pytest.importorskip("starlette.testclient")
QUESTION = "How many red things are there?"


def png(size=(320, 240)) -> bytes:
    buffer = io.BytesIO()
    scene_picture(*size).save(buffer, "PNG")
    return buffer.getvalue()


def client_of(gate: Gate, **options):
    return testclient.TestClient(gate, raise_server_exceptions=False, **options)


def api_around(predictor, waiting: int = 64, auth=None, limits: ApiLimits | None = None, **options):
    batcher = Batcher(predictor, wait_ms=1, waiting=waiting, **options)
    return build_api(batcher, limits or ApiLimits(), waiting, auth), batcher


@pytest.fixture(scope="module")
def client():
    """On the stand-in, with pictures of at most 200 kB."""
    gate, batcher = api_around(FakePredictor(), limits=ApiLimits(upload_bytes=200_000))
    yield client_of(gate)
    batcher.close()


def ask(client, image=None, question=QUESTION, **data):
    image = png() if image is None else image
    return client.post("/api/ask", files={"image": image}, data={"question": question, **data})


def ask_batch(client, requests, images, **data):
    if not isinstance(requests, str):
        requests = json.dumps(requests)
    files = [("image", image) for image in images]
    return client.post("/api/ask_batch", files=files, data={"requests": requests, **data})


def failed(response, status: int, kind: str, says: str = "") -> str:
    """Checks an error's form; returns its sentence."""
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"kind", "message", "message_zh"} and error["message_zh"]
    assert error["kind"] == kind and says in error["message"] and "\n" not in error["message"]
    return error["message"]


def test_the_answer_is_the_predictor_s(tiny_checkpoint, pictures):
    predictor = load_predictor(tiny_checkpoint, "cpu")
    gate, batcher = api_around(Router({"one": predictor, "two": predictor}))
    client = client_of(gate)
    buffer = io.BytesIO()
    Image.fromarray(pictures[0].pixels).save(buffer, "PNG")
    found = ask(client, buffer.getvalue())
    assert found.status_code == 200
    expected = predictor.ask(buffer.getvalue(), QUESTION).to_dict()
    body = found.json()
    assert body.pop("elapsed_ms") > 0 and expected.pop("elapsed_ms") > 0
    # A batch of one, as the other was: the same to the last digit.
    assert body == json.loads(json.dumps(expected))
    assert len(ask(client, buffer.getvalue(), top_k="2").json()["top"]) == 2
    assert ask(client, buffer.getvalue(), checkpoint="two").status_code == 200
    failed(ask(client, checkpoint="three"), 404, "checkpoint", "auto, one, two")
    batcher.close()


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a\nb.png", "图.png", "x" * 3000])
def test_the_name_of_a_file_is_only_a_name(client, name):
    assert ask(client, (name or "image", png())).json()["answer"] == "2"
    wanted = [{"image": 0, "question": QUESTION}]
    assert "answer" in ask_batch(client, wanted, [(name or "x", png())]).json()["answers"][0]


@pytest.mark.parametrize(
    ("image", "status", "kind", "says"),
    [
        (b"no picture", 422, "image", "not a picture"),
        (b"", 422, "image", "empty"),
        (png()[:300], 422, "image", "damaged"),
        (png((8, 8)), 422, "image", "too small"),
        (b"../../etc/passwd", 422, "image", "not a picture"),
        (b"\0" * 200_001, 413, "too_large", "picture is larger than 0.19 MB"),
        (b"\0" * 300_000, 413, "too_large", "request is larger than 0.25 MB"),
    ],
)
def test_pictures_that_cannot_be_used(client, image, status, kind, says):
    failed(ask(client, image), status, kind, says)


@pytest.mark.parametrize(
    ("question", "says"),
    [("", "empty"), ("🙂", "only symbols"), ("x" * 10_000, "500"), ("zxqj", "none of the words")],
)
def test_questions_that_cannot_be_used(client, question, says):
    failed(ask(client, question=question), 422, "question", says)


@pytest.mark.parametrize("top_k", ["0", "101", "x", "1.5", "-1", "NaN"])
def test_a_wrong_number_of_answers(client, top_k):
    failed(ask(client, top_k=top_k), 422, "request", "top_k")


def test_forms_that_are_none(client):
    def post(**what):
        return client.post("/api/ask", **what)

    failed(post(), 415, "request", "multipart/form-data")
    failed(post(json={"image": 0, "question": QUESTION}), 415, "request")
    failed(post(data={"question": QUESTION}), 415, "request")
    files, form = {"image": png()}, {"Content-Type": "multipart/form-data"}
    failed(
        post(files=files), 422, "request", "question is missing; send it, or a recording as audio"
    )
    failed(post(files={"x": b"1"}, data={"question": "a"}), 422, "request", "image is missing")
    text = {"question": QUESTION, "image": "a.png"}
    failed(post(files={"x": b"1"}, data=text), 422, "request", "image must be the file")
    failed(post(content=b"abc", headers=form), 400, "request")
    form["Content-Type"] += "; boundary=x"
    failed(post(content=b"abc", headers=form), 400, "request")
    failed(post(content=b"--x\r\n" * 9, headers=form), 400, "request")


def test_other_paths_and_methods(client):
    failed(client.get("/api/ask"), 405, "request")
    failed(client.get("/api/none"), 404, "request", "/api/openapi.json")
    failed(client.post("/api/ask/"), 404, "request")
    assert not Gate.owns("/") and not Gate.owns("/gradio_api/info") and not Gate.owns("/api")


def test_a_batch_is_answered_in_order_with_errors_in_place(client):
    images = [("a.png", png()), ("b.png", b"no picture"), ("c.png", png()), ("c.png", png())]
    wanted = [
        {"image": 0, "question": "Is there a ball?"},
        {"image": "b.png", "question": QUESTION},
        {"image": "a.png", "question": "红色立方体左边有几个小的金属物体？"},
        {"image": 2, "question": ""},
        {"image": "c.png", "question": QUESTION},
        {"image": 4, "question": QUESTION},
        {"image": -1, "question": QUESTION},
        {"image": "../a.png", "question": QUESTION},
        {"image": 3, "question": "What color is the big sphere?"},
    ]
    response = ask_batch(client, wanted, images, top_k="2")
    assert response.status_code == 200
    found = response.json()["answers"]
    kinds = [f["error"]["kind"] if "error" in f else f["answer"] for f in found]
    assert kinds == ["2", "image", "2 个", "question", *["image"] * 4, "2"]
    assert found[0]["why"] == "Is there a ball? Why?" and len(found[0]["top"]) == 2
    assert "2 pictures are called 'c.png' (4 were sent)" in found[4]["error"]["message"]
    assert found[5]["error"]["message"].startswith("No picture is '4' (4 were sent);")
    assert found[8]["sure"] is False


def test_a_too_large_picture_of_a_batch_fails_alone(client):
    wanted = [{"image": k, "question": QUESTION} for k in (0, 1)]
    found = ask_batch(client, wanted, [b"\0" * 200_001, png()]).json()["answers"]
    assert found[0]["error"]["kind"] == "too_large" and found[1]["answer"] == "2"


@pytest.mark.parametrize(
    "wanted",
    ["", "x", "{}", "null", "[1", "[" * 5000],
)
def test_lists_of_questions_that_are_none(client, wanted):
    failed(ask_batch(client, wanted, [png()]), 422, "request", "requests")


def test_an_entry_of_another_form_fails_alone(client):
    sound = {"image": 0, "question": QUESTION}
    wanted = [1, {"image": 0}, {"question": QUESTION}, {"image": None, "question": "a"}, sound]
    found = ask_batch(client, wanted, [png()]).json()["answers"]
    errors = [entry["error"] for entry in found[:-1]]
    assert found[-1]["answer"] == "2" and {error["kind"] for error in errors} == {"request"}
    said = ["0 of requests is not an object", "1 of requests has no question"]
    said += ["2 of requests has no image", "3 of requests has another kind of image"]
    assert all(part in error["message"] for part, error in zip(said, errors, strict=True))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"top_k": "0"}, "字段 top_k 必须是 1 到 100 的整数。"),
        ({"question": ""}, "问题是空的，请输入一个关于图片的问题。"),
    ],
)
def test_chinese_sentences_have_no_english_in_them(client, data, says):
    body = client.post(
        "/api/ask", files={"image": png()}, data={"question": QUESTION, **data}
    ).json()
    assert body["error"]["message_zh"] == says


def test_a_batch_is_bounded(client):
    many = [{"image": 0, "question": QUESTION}] * (MOST_IN_BATCH + 1)
    assert len(ask_batch(client, many[:-1], [png()]).json()["answers"]) == MOST_IN_BATCH
    failed(ask_batch(client, many, [png()]), 422, "request", "at most 32")
    failed(ask_batch(client, many[:1], [b"x"] * 33), 422, "request", "image")
    failed(ask_batch(client, many[:1], [b"x" * 190_000] * 5), 413, "too_large")
    failed(ask_batch(client, many[:1], [png()], checkpoint="x"), 404, "checkpoint")


class Held(FakePredictor):
    """Answers when `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def ask_batch(self, requests, top_k=5):
        assert self.go.wait(20)
        return super().ask_batch(requests, top_k)


def test_more_than_may_wait_is_told_when_to_come_back():
    held = Held()
    gate, batcher = api_around(held, waiting=4)
    client = client_of(gate)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(ask, client) for _ in range(4)]
        while batcher.load().waiting < 4:
            sleep(0.01)
        for response in (ask(client), ask_batch(client, [{"image": 0, "question": "a"}], [png()])):
            failed(response, 429, "busy", "try again in 1 s")
            assert response.headers["Retry-After"] == "1"
        held.go.set()
        assert [w.result().json()["answer"] for w in waiting] == ["2"] * 4
    assert ask(client).status_code == 200
    batcher.close()


def test_stopping_lets_nobody_in_and_answers_who_is_in():
    held = Held()
    gate, batcher = api_around(held)
    client = client_of(gate)
    assert client.get("/readyz").json() == {"status": "ready"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, client)
        while not batcher.load().waiting:
            sleep(0.01)
        gate.stop()
        failed(client.get("/readyz"), 503, "stopping")
        failed(ask(client), 503, "stopping")
        assert client.get("/healthz").json() == {"status": "alive"}
        assert gate.active == 1
        held.go.set()
        assert waiting.result().json()["answer"] == "2"
    assert gate.active == 0 and batcher.close()


def test_not_ready_without_anybody_to_answer():
    gate, batcher = api_around(FakePredictor())
    batcher.close()
    client = client_of(gate)
    failed(client.get("/readyz"), 503, "stopping")
    failed(ask(client), 503, "stopping")


def test_a_bug_is_one_sentence(client, caplog):
    message = failed(ask(client, question="Is there a boom ball?"), 500, "internal")
    assert "secret" not in message
    assert "RuntimeError" in caplog.text and "boom ball" not in caplog.text


def test_login():
    gate, batcher = api_around(FakePredictor(), auth=("me", "pass:wörd"))
    client = client_of(gate)
    for path in ("/healthz", "/readyz"):
        assert client.get(path).status_code == 200 and client.head(path).status_code == 200
    wrong = [None, ("me", "pass"), ("me", ""), ("you", "pass:wörd")]
    for path in ("/metrics", "/api/openapi.json", "/api/none"):
        for auth in wrong:
            response = client.get(path, auth=auth)
            failed(response, 401, "login", "HTTP Basic")
            assert response.headers["WWW-Authenticate"].startswith("Basic ")
    for header in ("Basic", "Basic !!", "Bearer bWU6cGFzczp3w7ZyZA==", "Basic " + "A" * 9000):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 401
    assert ask(client).status_code == 401
    client = client_of(gate, headers={"Authorization": "Basic bWU6cGFzczp3w7ZyZA=="})
    assert client.get("/metrics").status_code == 200
    assert ask(client).status_code == 200
    batcher.close()


def test_metrics_tell_what_happened():
    gate, batcher = api_around(FakePredictor())
    client = client_of(gate)
    ask(client)
    ask(client, question="zxqj")
    ask_batch(client, [{"image": 0, "question": QUESTION}] * 3, [png()])
    client.get("/api/" + "x" * 50)
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = response.text.splitlines()
    for line in (
        'vqa_requests_total{endpoint="/api/ask",status="200"} 1.0',
        'vqa_requests_total{endpoint="/api/ask",status="422"} 1.0',
        'vqa_requests_total{endpoint="other",status="404"} 1.0',
        'vqa_request_seconds_count{endpoint="/api/ask"} 2.0',
        'vqa_batch_size_bucket{le="2"} 2.0',
        'vqa_batch_size_bucket{le="4"} 3.0',
        "vqa_batch_size_sum 5.0",
        "vqa_waiting 0.0",
        "vqa_refused_total 0.0",
        "vqa_cached_bytes 0.0",
    ):
        assert line in lines, line
    assert "xxx" not in response.text
    batcher.close()


def test_the_schema_names_answers_and_errors(client):
    schema = client.get("/api/openapi.json").json()
    answers = schema["paths"]["/api/ask"]["post"]["responses"]
    assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Answer")
    for status in ("400", "404", "413", "422", "429", "503"):
        assert answers[status]["content"]["application/json"]["schema"]["$ref"].endswith(
            "/ErrorBody"
        )
    parts = schema["components"]["schemas"]
    assert set(parts["Answer"]["properties"]) == {field.name for field in fields(Answer)}
    assert set(schema["paths"]) == {"/api/ask", "/api/ask_batch", "/healthz", "/readyz", "/metrics"}


def sent(gate: Gate, chunks, headers=(), pause: float = 0.0) -> tuple[int, int]:
    """Posts a form by hand; returns (status, how many chunks were read)."""
    left, status = list(chunks), []

    async def receive():
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message):
        status.append(message.get("status"))

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/ask",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x"), *headers],
    }
    asyncio.run(gate(scope, receive, send))
    return status[0], len(chunks) - len(left)


START = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'


def test_what_is_too_large_is_not_read_to_its_end():
    gate, batcher = api_around(FakePredictor(), limits=ApiLimits(upload_bytes=2**20))
    chunks = [START, *[b"\0" * 2**16] * 1000]
    assert sent(gate, chunks) == (413, 18), "1 MB and 64 KB, then no more"
    announced = [(b"content-length", b"99999999999")]
    assert sent(gate, chunks, announced) == (413, 0)
    batcher.close()


def test_what_is_too_slow_is_given_up():
    limits = ApiLimits(body_seconds=0.2)
    gate, batcher = api_around(FakePredictor(), limits=limits)
    status, read = sent(gate, [START, *[b"\0"] * 1000], pause=0.02)
    assert status == 408 and read < 20 and gate.active == 0
    batcher.close()


def test_all_bodies_together_are_bounded():
    limits = ApiLimits(upload_bytes=2**20, bodies_bytes=2**20, body_seconds=0.5)
    gate, batcher = api_around(FakePredictor(), limits=limits)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(sent, gate, [START, *[b"\0"] * 1000], (), 0.02)
        while not gate.active:
            sleep(0.01)
        assert sent(gate, [START]) == (429, 0)
        assert slow.result()[0] == 408
    assert sent(gate, [START])[0] == 422, "let in again"
    batcher.close()


def test_a_recording_where_nobody_listens(client):
    files = {"image": png(), "audio": b"RIFF"}
    failed(client.post("/api/ask", files=files), 422, "audio", "takes no recordings")
    both = client.post("/api/ask", files=files, data={"question": QUESTION})
    failed(both, 422, "question", "Both a question and a recording")
    text = {"question": QUESTION, "audio": "a.wav"}
    failed(client.post("/api/ask", files={"image": png()}, data=text), 422, "request", "audio must")
