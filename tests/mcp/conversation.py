"""A conversation with memory, as any agent has it: in one session something is said, the rest is done in others."""

from __future__ import annotations

import re

from mcp import Client

from tests.mcp.agent import structured, text_of

LISBON = {"peer_id": "alice", "content": "I live in Lisbon."}
QUESTION = "Where does Alice live?"


async def known(client: Client, **restrictions: str) -> dict[str, str]:
    """Id → statement of the conclusions in the text of a recall."""
    text = await text_of(client, "recall", query=QUESTION, **restrictions)
    return {id: statement for statement, id in re.findall(r"- \S+ (.*) \[conclusion ([\w-]+)\]", text)}


async def remembered(client: Client) -> str:
    """Tell the memory something; returns the id of the message."""
    (message_id,) = (await structured(client, "remember", session_id="first", messages=[LISBON]))["message_ids"]
    return str(message_id)


async def explained_corrected_and_forgotten(client: Client, message_id: str) -> None:
    """What was remembered in the message, and learned from it, is found, explained, corrected and forgotten."""
    (wrong,) = await known(client, peer_id="alice")
    assert f"alice in first: I live in Lisbon. [message {message_id}]" in await text_of(
        client, "recall", query=QUESTION
    )
    explained = await structured(client, "explain", conclusion_id=wrong)
    assert [each["id"] for each in explained["messages"]] == [message_id]

    right = (await structured(client, "correct", conclusion_id=wrong, content="alice lives in Porto"))["id"]
    assert await known(client) == {right: "alice lives in Porto"}
    assert "I live in Lisbon. (corrected since, " in await text_of(client, "recall", query=QUESTION)
    assert "Porto" in await text_of(client, "context", session_id="second", peer_id="alice", max_tokens=500)
    answer = await structured(client, "ask", peer_id="alice", query=QUESTION)
    assert "Porto" in answer["content"]
    assert [each["id"] for each in answer["evidence"]["conclusions"]] == [right]
    refused = await client.call_tool("correct", {"conclusion_id": wrong, "content": "alice lives in Faro"})
    assert refused.is_error
    assert f"{right} took its place" in str(refused.content)

    assert "messages that it came from stay" in await text_of(client, "forget", conclusion_id=right)
    assert not await known(client)
    assert "Porto" not in await text_of(client, "recall", query=QUESTION)
    again = await client.call_tool("forget", {"conclusion_id": right})
    assert again.is_error
    assert f"{right} not found" in str(again.content)
