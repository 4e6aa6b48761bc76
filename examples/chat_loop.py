"""A chat with memory in the terminal, with any OpenAI-compatible model: what you say today is known tomorrow.

    pip install honcho-ai openai
    OPENAI_API_KEY=… python chat_loop.py
    OPENAI_BASE_URL=http://localhost:11434/v1 MODEL=llama3.2 python chat_loop.py
    python chat_loop.py   # without a model: memory itself answers, with what you have said

It needs a running `omoide serve` (OMOIDE_URL, default http://localhost:8000). An empty line ends the conversation.
"""

import getpass
import os
from collections.abc import Callable
from datetime import datetime

from honcho import Honcho
from openai import OpenAI

honcho = Honcho(base_url=os.environ.get("OMOIDE_URL", "http://localhost:8000"), workspace_id="chat-loop")
user = honcho.peer(os.environ.get("CHAT_USER", getpass.getuser()))
assistant = honcho.peer("assistant", configuration={"observe_me": False})  # nothing is to be concluded about it
session = honcho.session(f"chat-{datetime.now():%Y%m%d-%H%M%S}")  # one conversation


def with_model(text: str) -> str:
    """The model's reply, given this conversation and what memory knows of the user that bears on `text`."""
    context = session.context(peer_target=user.id, search_query=text, tokens=4000)
    messages = [
        {"role": "system", "content": "Be brief. What you know of the user follows; use it where it helps."},
        *context.to_openai(assistant=assistant),
        {"role": "user", "content": text},
    ]
    completion = OpenAI().chat.completions.create(model=os.environ.get("MODEL", "gpt-5.4-mini"), messages=messages)
    return completion.choices[0].message.content or ""


def without_model(text: str) -> str:
    """What memory has to say on a question, without a model."""
    return user.chat(text) if text.endswith("?") else "Noted."


def converse(reply: Callable[[str], str]) -> None:
    """Reply to each line, and remember both."""
    while text := input("you: ").strip():
        answer = reply(text)
        session.add_messages([user.message(text), assistant.message(answer)])
        print(f"assistant: {answer}")


if __name__ == "__main__":
    card = user.get_card()
    print("What I know of you:", *(card or ["nothing yet"]), sep="\n  ")
    has_model = "OPENAI_API_KEY" in os.environ or "OPENAI_BASE_URL" in os.environ
    try:
        converse(with_model if has_model else without_model)
    except (EOFError, KeyboardInterrupt):
        print()
