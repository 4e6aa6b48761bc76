"""A graph of LangGraph that remembers people across threads, with Omoide as its store.

    pip install honcho-ai langgraph openai
    OPENAI_API_KEY=… python langgraph_chat.py alice "I live in Porto and I have two cats."
    OPENAI_API_KEY=… python langgraph_chat.py alice "What is a good breed for me?"

OPENAI_BASE_URL and MODEL choose another model. Nodes of the graph see the store as `runtime.store`; it is
langgraph_store.py, and any graph that uses a store can have it.
"""

import os
import sys
import uuid
from dataclasses import dataclass
from itertools import pairwise
from typing import TypedDict

from honcho import Honcho
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph_store import OmoideStore
from openai import OpenAI


@dataclass
class Context:
    """Who talks."""

    user: str


class State(TypedDict, total=False):
    """One turn of the conversation."""

    said: str
    memories: list[str]
    reply: str


def recall(state: State, runtime: Runtime[Context]) -> State:
    """Find what the user once said that bears on what is said now."""
    assert runtime.store is not None
    found = runtime.store.search(("memories", runtime.context.user), query=state["said"], limit=5)
    return {"memories": [item.value["text"] for item in found]}


def answer(state: State) -> State:
    system = "\n".join(["Be brief. What the user has told you before:", *state["memories"]])
    completion = OpenAI().chat.completions.create(
        model=os.environ.get("MODEL", "gpt-5.4-mini"),
        messages=[{"role": "system", "content": system}, {"role": "user", "content": state["said"]}],
    )
    return {"reply": completion.choices[0].message.content or ""}


def remember(state: State, runtime: Runtime[Context]) -> State:
    """Keep what the user said. A model could choose here what is worth it."""
    assert runtime.store is not None
    runtime.store.put(("memories", runtime.context.user), uuid.uuid4().hex, {"text": state["said"]})
    return {}


def main(user: str, said: str) -> None:
    honcho = Honcho(base_url=os.environ.get("OMOIDE_URL", "http://localhost:8000"), workspace_id="langgraph")
    graph = StateGraph(State, context_schema=Context)
    graph.add_node("recall", recall)
    graph.add_node("answer", answer)
    graph.add_node("remember", remember)
    for before, after in pairwise([START, "recall", "answer", "remember", END]):
        graph.add_edge(before, after)
    result = graph.compile(store=OmoideStore(honcho)).invoke({"said": said}, context=Context(user=user))
    print(result["reply"])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
