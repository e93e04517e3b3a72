"""The service as a tool for AI assistants: what they see, ask and are told."""

from __future__ import annotations

import asyncio
import base64

import pytest
from test_serving import picture, serving  # noqa: F401  (a fixture)

from vqa import serving as app

mcp = pytest.importorskip("mcp")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    with serving("tests/fakes.py", str(folder), "--mcp") as (process, url):
        told = process.stdout.readline()
        assert told.split()[-1] == f"{url}{app.MCP_PATH}"
        yield told.split()[-1]


def talk(address: str, what):
    """Runs `what(session)` with a session of the protocol."""
    from mcp.client.streamable_http import streamable_http_client

    async def run():
        async with (
            streamable_http_client(address) as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await what(session)

    return asyncio.run(asyncio.wait_for(run(), 60))


def ask(address: str, **arguments):
    return talk(address, lambda session: session.call_tool("ask_picture", arguments))


@pytest.fixture
def data_url(picture) -> str:  # noqa: F811
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


@pytest.mark.slow
def test_the_one_tool_is_described(address):
    tools = talk(address, lambda session: session.list_tools()).tools
    assert [tool.name for tool in tools] == ["ask_picture"], "what the page does is no tool"
    (tool,) = tools
    assert tool.description.startswith("Answers a question, in English or Chinese")
    schema = tool.inputSchema
    assert schema["required"] == ["image", "question"]
    assert set(schema["properties"]) == {"image", "question", "top_k", "checkpoint"}
    assert all(value["description"] for value in schema["properties"].values())


@pytest.mark.slow
def test_a_question_is_answered(address, data_url):
    found = ask(address, image=data_url, question="Is there a ball?", top_k=2)
    assert not found.isError
    (content,) = found.content
    assert "'answer': '2'" in content.text and "'checkpoint': 'fake'" in content.text
    assert "'top': [['2', 0.962], ['1', 0.021]]" in content.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "question", "says"),
    [
        (None, "", "The question is empty"),
        (None, "🙂", "only symbols"),
        ("/etc/hostname", "Is there a ball?", "provide a url"),
        ("data:image/png;base64,bm8=", "Is there a ball?", "not a picture"),
    ],
)
def test_bad_input_is_told(address, data_url, image, question, says):
    found = ask(address, image=image or data_url, question=question)
    assert found.isError and says in found.content[0].text
