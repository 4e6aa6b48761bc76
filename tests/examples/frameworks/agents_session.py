"""What a `Session` of the OpenAI Agents SDK must do. It runs in the environment of the examples."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import SQLiteSession
from agents.memory import Session
from openai_agents_session import OmoideSession, honcho

ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": "What time is it?"},
    {"type": "function_call", "call_id": "c", "name": "clock", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "noon"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Noon."}]},
    {"role": "user", "content": [{"type": "input_text", "text": "Thanks. " * 5_000}]},
]


async def results(session: Any) -> list[Any]:
    """The results of every method in a number of states."""
    found = [await session.get_items(), await session.pop_item(), await session.get_items(limit=0)]
    await session.add_items([])
    await session.add_items(ITEMS[:2])
    await session.add_items(ITEMS[2:])
    found += [await session.get_items(), await session.get_items(limit=2), await session.get_items(limit=50)]
    found += [await session.pop_item(), await session.get_items()]
    await session.add_items([{"role": "user", "content": f"{number}"} for number in range(70)])
    found += [await session.get_items(limit=60), await session.get_items()]
    await session.clear_session()
    found.append(await session.get_items())
    await session.add_items(ITEMS[:1])
    found.append(await session.get_items())
    return found


async def main() -> None:
    session = OmoideSession("protocol", honcho.peer("pat"), honcho.peer("assistant"))
    assert isinstance(session, Session)
    expected, got = await results(SQLiteSession("protocol")), await results(session)
    assert got == expected, (got, expected)


asyncio.run(main())
print("kept")
