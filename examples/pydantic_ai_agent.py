"""An agent of pydantic-ai with memory: its instructions say what is known of the user, and a tool asks for more.

    pip install honcho-ai 'pydantic-ai-slim[openai]'
    OPENAI_API_KEY=… python pydantic_ai_agent.py "I am allergic to peanuts and I love hiking."
    OPENAI_API_KEY=… python pydantic_ai_agent.py "What could I cook tonight?"

MODEL is any model of pydantic-ai; with OPENAI_BASE_URL, openai-chat:NAME is one of any OpenAI-compatible endpoint.
Agents can also have Omoide's own tools by MCP, with no code at all: docs/how-to/connect-agents-by-mcp.md.
"""

import os
import sys
from dataclasses import dataclass
from datetime import datetime

from honcho import Honcho
from honcho.peer import Peer
from honcho.session import Session
from pydantic_ai import Agent, RunContext


@dataclass
class Memory:
    """What the agent works with: whom it talks to, as whom, and in which conversation."""

    user: Peer
    assistant: Peer
    session: Session


agent = Agent(
    os.environ.get("MODEL", "openai-chat:gpt-5.4-mini"),
    deps_type=Memory,
    instructions="You are a helpful friend. Be brief. Call ask_memory if an answer depends on the user.",
    defer_model_check=True,
)


@agent.instructions
def what_is_known(context: RunContext[Memory]) -> str:
    """The peer card, and the conclusions that bear on what the user says now."""
    known = context.deps.user.context(search_query=str(context.prompt))
    return "\n".join(["What you know of the user:", *(known.peer_card or []), known.representation or "nothing yet"])


@agent.tool
def ask_memory(context: RunContext[Memory], question: str) -> str:
    """Ask what is known of the user from all conversations.

    Args:
        question: A whole sentence, such as "What does the user do for a living?"
    """
    return context.deps.user.chat(question) or "Nothing is known of that."


def reply(memory: Memory, text: str) -> str:
    """The agent's reply; it and the text become part of the memory."""
    result = agent.run_sync(text, deps=memory)
    memory.session.add_messages([memory.user.message(text), memory.assistant.message(result.output)])
    return result.output


def main(text: str) -> None:
    honcho = Honcho(base_url=os.environ.get("OMOIDE_URL", "http://localhost:8000"), workspace_id="pydantic-ai")
    memory = Memory(
        user=honcho.peer("alice"),
        assistant=honcho.peer("assistant", configuration={"observe_me": False}),
        session=honcho.session(f"talk-{datetime.now():%Y%m%d-%H%M%S}"),
    )
    print(reply(memory, text))


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "What do you know of me?")
