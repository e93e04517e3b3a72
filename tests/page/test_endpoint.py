"""The endpoint /ask, called as other programs would."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import FakePredictor, scene_picture

from vqa.text import tokenize

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
gradio_client = pytest.importorskip("gradio_client")


@pytest.fixture(scope="module")
def client():
    from vqa.page.layout import CheckpointInfo, PageLimits, build_page
    from vqa.page.style import page_style

    page = build_page(FakePredictor(), CheckpointInfo("fake"), PageLimits(max_upload_bytes=200_000))
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, run_history=False, **page_style())
    yield gradio_client.Client(url, verbose=False)
    page.close()


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    file = tmp_path_factory.mktemp("pictures") / "scene.png"
    scene_picture().save(file)
    return gradio_client.handle_file(file)


def test_the_answer_is_the_predictor_s_as_json(client, picture):
    question = "Is thre a ball, glorp?"
    answer = client.predict(picture, question, api_name="/ask")
    expected = FakePredictor().ask(scene_picture(), question).to_dict()
    assert set(answer) == set(expected)
    assert answer["answer"] == "2" and answer["confidence"] == expected["confidence"]
    assert answer["words"] == list(expected["words"])
    assert answer["unknown_words"] == ["glorp"] and answer["repaired_words"] == {"thre": "there"}
    assert len(answer["top"]) == 5
    assert len(client.predict(picture, question, 2, api_name="/ask")["top"]) == 2


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("", "The question is empty"),
        ("🙂", "only symbols"),
        ("x" * 10_000, "10,000 characters and the limit is 500"),
        ("<script>alert(1)</script>", "knows none of the words"),
    ],
)
def test_a_bad_question_comes_back_as_its_sentence(client, picture, question, says):
    with pytest.raises(gradio_client.exceptions.AppError, match=says):
        client.predict(picture, question, api_name="/ask")


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"no picture", "not a picture"), (b"\x89PNG\r\n", "damaged"), (b"BM" * 150_000, "limit is")],
)
def test_a_bad_picture_comes_back_as_its_sentence(client, tmp_path, content, says):
    (tmp_path / "bad.png").write_bytes(content)
    file = gradio_client.handle_file(tmp_path / "bad.png")
    with pytest.raises(gradio_client.exceptions.AppError, match=says):
        client.predict(file, "Is there a ball?", api_name="/ask")


def test_missing_picture_and_bad_top_k(client, picture):
    with pytest.raises(gradio_client.exceptions.AppError, match="no picture"):
        client.predict(None, "Is there a ball?", api_name="/ask")
    with pytest.raises(gradio_client.exceptions.AppError, match="top_k"):
        client.predict(picture, "Is there a ball?", 0, api_name="/ask")


def test_a_bug_shows_nothing_of_the_inside(client, picture):
    with pytest.raises(gradio_client.exceptions.AppError) as caught:
        client.predict(picture, "boom, a ball", api_name="/ask")
    assert "secret" not in str(caught.value)


def test_files_of_the_server_cannot_be_asked_about(client, tmp_path):
    scene_picture().save(tmp_path / "private.png")
    sent = {"path": str(tmp_path / "private.png"), "meta": {"_type": "gradio.FileData"}}
    root = client.src.rstrip("/") + "/gradio_api"
    import httpx

    event = httpx.post(f"{root}/call/ask", json={"data": [sent, "Is there a ball?", 5]}).json()
    reply = httpx.get(f"{root}/call/ask/{event['event_id']}", timeout=20).text
    assert "event: error" in reply and '"answer"' not in reply


def test_answers_are_never_mixed_up(client, picture):
    words = ["cube", "sphere", "ball", "red", "big", "small", "metal", "left"]
    questions = [f"{a} {b}" for a in words for b in words if a != b][:32]

    def asked(part: list[str]) -> list[dict]:
        # A client each: threads that share one now and then close its stream on each other.
        own = gradio_client.Client(client.src, verbose=False)
        return [own.predict(picture, question, api_name="/ask") for question in part]

    parts = [questions[k::8] for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(asked, parts))
    for part, found in zip(parts, answers, strict=True):
        assert [answer["words"] for answer in found] == [tokenize(q) for q in part]


def test_only_the_endpoint_is_public(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/ask"}
