"""What an answer is made from beside the search: all messages while they are few, what is not concluded yet, the pinned
session, and the present where the peer is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.clock import HOUR, MINUTE
from omoide.core.config_resolution import Defaults
from omoide.core.records import MessageBatch, NewMessage, Summary
from omoide.reasoner.agentic import answer
from omoide.reasoner.agentic.formatting import present
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.memory_view import MemoryView
from omoide.scheduling.enqueue import EnqueuePolicy
from omoide.scheduling.flush_policy import FlushPolicy
from omoide.services import ingest
from omoide.storage import sessions, summaries
from omoide.storage.sqlite.engine import Connection
from tests import sql
from tests.reasoner.agentic.scripted import TOKENS, Scripted, question, read
from tests.reasoner.memory_fixtures import MONDAY, OBSERVERS, Past

GATHERING = EnqueuePolicy(Defaults(), FlushPolicy(tokens=10_000, quiet=HOUR, patience=HOUR))
MANY = [f"Boat number {number} is blue and lies in the harbour." for number in range(100)]
WHOLE = "These are all messages that there are."


def prompt(memory: MemoryView, **more: Any) -> str:
    models = Scripted("In Porto.")
    read(answer.answer(question(memory, **more), memory, ModelCaller(models, "answer")))
    (only,) = models.prompts
    return only


def section(prompt: str, tag: str) -> str:
    return prompt.partition(f"<{tag}>\n")[2].partition(f"\n</{tag}>")[0]


def gather(past: Past, session: str, *lines: str) -> None:
    """Say `alice hello` and the like, with jobs that wait for more."""
    batch = [
        NewMessage(peer, text, {}, TOKENS.count(text), None)
        for peer, _, text in (line.partition(" ") for line in lines)
    ]
    given = MessageBatch(past.workspace_id, session, batch)
    past.write(ingest.store_batch, given, clock.now(), GATHERING, max_observers=OBSERVERS)


def test_while_they_are_few_all_messages_are_shown_in_the_order_of_saying(past: Past) -> None:
    past.say("t", "Later.", at=MONDAY + HOUR)
    past.say("s", "First.", "Second.", at=MONDAY)
    text = prompt(past.memory())
    assert section(text, "recent").splitlines() == [
        "Session s:",
        "Mon 2024-01-15",
        "00:00 alice: First.",
        "00:00 alice: Second.",
        "",
        "Session t:",
        "Mon 2024-01-15",
        "01:00 alice: Later.",
    ]
    assert WHOLE in text
    past.say("u", *MANY)
    text = prompt(past.memory())
    assert (section(text, "recent"), WHOLE in text) == ("", False)


def test_few_messages_that_are_long_are_not_all_shown(past: Past) -> None:
    past.say("s", "word " * 3_000)
    assert WHOLE not in prompt(past.memory())


def test_only_messages_within_reach_are_all_messages(past: Past) -> None:
    past.say("s", "Mine.")
    past.say("hidden", "Not for alice.", peer="bob")
    text = prompt(past.memory())
    assert "Mine." in text
    assert "Not for alice." not in text


def test_what_is_not_concluded_yet_is_shown_with_what_it_answers(past: Past) -> None:
    past.say("old", *MANY)
    past.say("s", "And where do you live now?", peer="bob")
    gather(past, "s", "alice In Braga.", "bob Nice!", "alice Since May.")
    gather(past, "hidden", "bob I told carol a secret.")
    memory = past.memory()
    recent = section(prompt(memory), "recent")
    assert [line.partition(": ")[2] for line in recent.splitlines()[2:]] == [
        "And where do you live now?",
        "In Braga.",
        "Nice!",
        "Since May.",
    ]
    assert "secret" not in str(memory.evidence)
    assert "In Braga." in str(memory.evidence.messages)
    past.write(sql.change, "DELETE FROM jobs WHERE kind = 'representation'")
    assert section(prompt(past.memory()), "recent") == ""


def test_much_that_is_not_concluded_yet_is_shown_as_far_as_there_is_room(past: Past) -> None:
    gather(past, "s", *(f"alice Boat {number} is green. {'word ' * 30}" for number in range(500)))
    recent = section(prompt(past.memory()), "recent")
    assert "Boat 499" in recent
    assert TOKENS.count(recent) < 800


def test_what_waits_about_another_peer_is_not_shown(past: Past) -> None:
    past.say("old", *MANY)
    gather(past, "s", "bob I sail.", "alice Hello.")
    assert "Hello." not in section(prompt(past.memory("alice", "bob")), "recent")
    assert "I sail." in section(prompt(past.memory("alice", "bob")), "recent")


def test_damaged_units_are_passed_over(past: Past) -> None:
    past.say("old", *MANY)
    gather(past, "s", "alice Hello.")
    past.write(sql.change, "UPDATE jobs SET payload = '{}' WHERE kind = 'representation'")
    assert section(prompt(past.memory()), "recent") == ""


def summarize(past: Past, session: str, message_id: str, through: int) -> None:
    def put(db: Connection) -> None:
        _, row = sessions.ensure(db, past.workspace_id, session, 0)
        summaries.put(db, row, Summary("alice told of boats.", message_id, through, summaries.SHORT, 0, 6), 0)

    past.write(put)


def test_a_pinned_session_is_shown_as_a_whole_while_it_fits(past: Past) -> None:
    past.say("other", *MANY)
    said = past.say("s", *MANY[:50])
    summarize(past, "s", said[-1].id, 50)
    text = prompt(past.memory(session_id="s"))
    assert section(text, "history").count("Boat number") == 50
    assert WHOLE in text
    assert section(text, "summary") == "alice told of boats."


def test_of_a_longer_pinned_session_the_end_and_the_summary_are_shown(past: Past) -> None:
    said = past.say("s", *(f"{text} {'word ' * 40}" for text in MANY))
    summarize(past, "s", said[-1].id, 100)
    text = prompt(past.memory(session_id="s"))
    history = section(text, "history")
    assert "Boat number 99 " in history
    assert "Boat number 50 " not in history
    assert WHOLE not in text
    assert section(text, "summary") == "alice told of boats."


def test_what_waits_in_the_pinned_session_is_not_shown_twice(past: Past) -> None:
    past.say("s", *(f"{text} {'word ' * 40}" for text in MANY))
    gather(past, "s", "alice In Braga.")
    text = prompt(past.memory(session_id="s"))
    assert "In Braga." in section(text, "history")
    assert section(text, "recent") == ""


@pytest.mark.parametrize(("offset", "zone"), [(-480, "-08:00"), (345, "+05:45"), (0, "UTC"), (None, "UTC")])
def test_now_is_told_where_the_peer_was_last_heard(past: Past, offset: int | None, zone: str) -> None:
    past.say("s", "Earlier.", at=MONDAY)
    late = NewMessage("alice", "Hello.", {}, 2, clock.now() - MINUTE, None, offset)
    past.write(ingest.store_batch, MessageBatch("w", "s", [late]), clock.now(), GATHERING, max_observers=OBSERVERS)
    before, text, after = clock.now(), prompt(past.memory()), clock.now()
    assert any(f"It is now {present(at, offset)}." in text for at in (before, after))
    assert f" {zone}. Answer the question." in text


def test_a_message_of_an_unknown_zone_does_not_hide_where_the_peer_is(past: Past) -> None:
    for offset, peer in ((-480, "alice"), (None, "alice"), (120, "bob")):
        late = NewMessage(peer, "Hello.", {}, 2, None if offset is None else clock.now() - MINUTE, None, offset)
        past.write(ingest.store_batch, MessageBatch("w", "s", [late]), clock.now(), GATHERING, max_observers=OBSERVERS)
    assert " -08:00. Answer the question." in prompt(past.memory())
    assert " UTC. Answer the question." in prompt(past.memory(None, None))


def sizes(past: Past, levels: Sequence[str], **more: Any) -> list[int]:
    """Tokens of the first requests, with the definitions of tools."""
    found = []
    for level in levels:
        memory, models = past.memory(**more), Scripted("In Porto.")
        asked = question(memory, "What does alice like about boats?", level=level)
        read(answer.answer(asked, memory, ModelCaller(models, "answer")))
        ((_, info),) = models.asked
        tools = "".join(f"{each.name}{each.description}{each.parameters_json_schema}" for each in info.function_tools)
        found.append(TOKENS.count(models.prompts[0] + tools))
    return found


def test_the_first_request_has_a_bounded_size_however_much_is_known(past: Past) -> None:
    for number in range(200):
        past.conclude(f"alice likes boat number {number}, which is blue and lies in the harbour of Porto", at=MONDAY)
    said = past.say("s", *(f"{text} {'word ' * 40}" for text in MANY))
    summarize(past, "s", said[-1].id, 100)
    gather(past, "s", *(f"alice {text}" for text in MANY))
    past.embed()
    minimal, low, highest = sizes(past, ["minimal", "low", "max"])
    assert minimal < 2_800
    assert low < 4_200
    assert highest < 7_000
    (pinned,) = sizes(past, ["low"], session_id="s")
    assert pinned < 5_700


def test_reading_what_belongs_to_a_question_writes_nothing(past: Past) -> None:
    gather(past, "s", "alice Hello.")
    before = past.write(sql.rows, "SELECT payload, due_at, grows FROM jobs")
    prompt(past.memory())
    assert past.write(sql.rows, "SELECT payload, due_at, grows FROM jobs") == before
