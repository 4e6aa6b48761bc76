"""An agent of the OpenAI Agents SDK with memory: Omoide keeps its sessions, and tells it what it knows of the user.

    pip install honcho-ai openai-agents
    OPENAI_API_KEY=… python openai_agents_session.py monday "I am allergic to peanuts and I love hiking."
    OPENAI_API_KEY=… python openai_agents_session.py tuesday "What could I take along as a snack?"

The first word names the session: `monday` again continues that conversation, another one begins a new one, in which the
agent still knows the user. OPENAI_BASE_URL and MODEL choose another model.
"""

import asyncio
import json
import os
import sys
from typing import Any

from agents import (
    Agent,
    RunContextWrapper,
    Runner,
    TResponseInputItem,
    function_tool,
    set_default_openai_api,
    set_tracing_disabled,
)
from agents.memory import SessionSettings
from honcho import Honcho
from honcho.message import Message
from honcho.peer import Peer

MOST_CHARACTERS = 25_000  # of a message; the item itself is kept whole

honcho = Honcho(base_url=os.environ.get("OMOIDE_URL", "http://localhost:8000"), workspace_id="openai-agents")


class OmoideSession:
    """A `Session` of the SDK: each item of a run is a message, tool calls included, and its text is remembered.

    An item may take 64 KB, or OMOIDE_MAX_METADATA_BYTES of the server.
    """

    session_settings: SessionSettings | None = None

    def __init__(self, session_id: str, user: Peer, assistant: Peer) -> None:
        self.session_id = session_id
        self._messages = honcho.session(session_id)
        self._user, self._assistant = user, assistant

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The latest items, oldest first."""
        items: list[TResponseInputItem] = []
        async for message in await self._messages.aio.messages(reverse=True):
            if len(items) == limit:
                break
            items.append(_item(message))
        return items[::-1]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        messages = [
            (self._user if item.get("role") == "user" else self._assistant).message(
                _text(item)[:MOST_CHARACTERS], metadata={"item": json.dumps(item)}
            )
            for item in items
        ]
        if messages:
            await self._messages.aio.add_messages(messages)

    async def pop_item(self) -> TResponseInputItem | None:
        """Take back the latest item, and what was concluded from it."""
        async for message in await self._messages.aio.messages(reverse=True, size=1):
            path = f"/v3/workspaces/{honcho.workspace_id}/sessions/{self.session_id}/messages/{message.id}"
            await honcho._async_http_client.delete(path)  # the SDK has no method for it
            return _item(message)
        return None

    async def clear_session(self) -> None:
        """Delete the conversation, and what was concluded from it."""
        await self._messages.aio.delete()


def _text(item: Any) -> str:
    """What is said in an item; nothing in a call of a tool."""
    content = item.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text") or "" for part in content)


def _item(message: Message) -> TResponseInputItem:
    item: TResponseInputItem = json.loads(message.metadata["item"])
    return item


async def instructions(context: RunContextWrapper[Peer], agent: Agent[Peer]) -> str:
    """The peer card, and what is known of the user."""
    known = await context.context.aio.context()
    lines = [*(known.peer_card or []), known.representation or "nothing yet"]
    return "\n".join(["You are a helpful friend. Be brief. What you know of the user:", *lines])


@function_tool
async def ask_memory(context: RunContextWrapper[Peer], question: str) -> str:
    """Ask what is known of the user from all conversations.

    Args:
        question: A whole sentence, such as "What does the user do for a living?"
    """
    return await context.context.aio.chat(question) or "Nothing is known of that."


async def main(session_id: str, text: str) -> None:
    user = honcho.peer("alice")
    assistant = honcho.peer("assistant", configuration={"observe_me": False})  # nothing is to be concluded about it
    agent = Agent[Peer](
        name="friend", instructions=instructions, tools=[ask_memory], model=os.environ.get("MODEL", "gpt-5.4-mini")
    )
    session = OmoideSession(session_id, user, assistant)
    result = await Runner.run(agent, text, context=user, session=session)
    print(result.final_output)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    set_tracing_disabled(True)  # traces would be sent to OpenAI
    if "OPENAI_BASE_URL" in os.environ:
        set_default_openai_api("chat_completions")  # which others have, too
    asyncio.run(main(*sys.argv[1:]))
