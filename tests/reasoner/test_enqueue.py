"""Jobs enqueued for stored messages: boundaries and due times of units, summaries, and windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from omoide.core.clock import MINUTE, SECOND
from omoide.core.config_resolution import Defaults
from omoide.core.jobs import Skipped
from omoide.core.records import Change, Json, MessageBatch, NewMessage, Observation, SessionChange
from omoide.core.settings import Settings
from omoide.scheduling.enqueue import EnqueuePolicy, enqueue_jobs
from omoide.scheduling.flush_policy import FlushPolicy, flush_policy
from omoide.storage import members, messages, peers, queue, scopes, sessions, workspaces
from omoide.storage.messages import Stretch, WindowSize
from omoide.storage.sqlite.engine import Connection, Store
from tests import sql

NOW, QUIET, PATIENCE = 1_000_000, 5_000, 60_000
PACE = FlushPolicy(tokens=100, quiet=QUIET, patience=PATIENCE)


@pytest.fixture
def db(store: Store) -> Connection:
    return store._writer.connection


Say = Callable[..., None]


@pytest.fixture
def say(db: Connection) -> Say:
    """Return `say("alice hello", "bob hi")`, which stores a batch; `tokens` is the size of each message."""

    def said(
        *lines: str,
        at: int = NOW,
        tokens: int = 10,
        configuration: Json | None = None,
        rules: EnqueuePolicy | None = None,
    ) -> None:
        batch = [
            NewMessage(line.split(" ", 1)[0], line.split(" ", 1)[1], {}, tokens, None, configuration) for line in lines
        ]
        point = messages.append_point(db, MessageBatch("w", "s", batch), at, max_observers=10)
        muted = enqueue_jobs(db, point, batch, rules or EnqueuePolicy(Defaults(), PACE))
        messages.append(db, point, batch, muted)

    return said


def units(db: Connection, kind: str = "representation") -> list[dict[str, Any]]:
    found = sql.rows(db, "SELECT payload, units, due_at FROM jobs WHERE kind = ? ORDER BY pk", (kind,))
    return [{**orjson.loads(payload), "units": count, "due_at": due} for payload, count, due in found]


def spans(db: Connection) -> list[tuple[str, int, int, int]]:
    """Return observed peer, first and last position, and number of messages of each unit."""
    return [(unit["observed"], unit["first"], unit["through"], unit["units"]) for unit in units(db)]


def join(db: Connection, peer: str, **flags: bool) -> None:
    sessions.get_or_create(db, "w", "s", SessionChange(peers={peer: Observation(**flags)}), NOW)


def configure(db: Connection, configuration: Json) -> None:
    sessions.get_or_create(db, "w", "s", SessionChange(configuration=configuration), NOW)


def test_messages_of_a_peer_in_a_session_form_one_unit(db: Connection, say: Say) -> None:
    say("alice hello", "bob hi", "alice I sing")
    say("alice and dance", at=NOW + 1)
    assert spans(db) == [("alice", 1, 4, 3), ("bob", 2, 2, 1)]
    assert units(db)[0]["tokens"] == 30


def test_each_message_restarts_the_debounce_of_a_short_unit(db: Connection, say: Say) -> None:
    say("alice one")
    assert units(db)[0]["due_at"] == NOW + QUIET
    say("alice two", at=NOW + 4_000)
    assert units(db)[0]["due_at"] == NOW + 4_000 + QUIET


def test_a_short_unit_is_due_after_the_maximum_delay(db: Connection, say: Say) -> None:
    for number in range(8):
        say("alice hm", at=NOW + number * (QUIET - 1) * 2)
    assert units(db)[0]["due_at"] == max(NOW + PATIENCE, NOW + 7 * (QUIET - 1) * 2)


def test_a_unit_that_reaches_the_token_limit_is_due_immediately(db: Connection, say: Say) -> None:
    say("alice long", tokens=99)
    say("bob long", tokens=100)
    assert [unit["due_at"] for unit in units(db)] == [NOW + QUIET, NOW]
    say("alice more", tokens=1, at=NOW + 7)
    assert units(db)[0]["due_at"] == NOW + 7


def test_without_debounce_units_are_due_immediately(db: Connection, say: Say) -> None:
    say("alice hello", rules=EnqueuePolicy(Defaults(), FlushPolicy(tokens=100, quiet=0, patience=PATIENCE)))
    assert units(db)[0]["due_at"] == NOW


def test_a_claimed_unit_is_not_appended_to(db: Connection, say: Say) -> None:
    say("alice one")
    assert queue.claim(db, NOW + QUIET, lease=99, skipped=Skipped(kinds=["embed"])) is not None
    say("alice two", at=NOW + QUIET)
    assert spans(db) == [("alice", 1, 1, 1), ("alice", 2, 2, 1)]


def test_a_new_unit_starts_when_the_observers_change(db: Connection, say: Say) -> None:
    say("alice one", "bob hi")
    join(db, "bob", observe_others=True)
    say("alice two", at=NOW + 1)
    members_of = [(unit["observed"], unit["observers"]) for unit in units(db)]
    assert members_of == [("alice", ["alice"]), ("bob", ["bob"]), ("alice", ["alice", "bob"])]
    assert units(db)[0]["due_at"] == NOW + 1, "the first unit, which cannot be appended to any more, is due"
    sessions.remove_peers(db, "w", "s", ["bob"], NOW)
    say("alice three", "alice four", at=NOW + 2)
    assert units(db)[-1]["observers"] == ["alice"]
    assert spans(db)[-1] == ("alice", 4, 5, 2)


def test_a_new_unit_starts_when_the_configuration_changes(db: Connection, say: Say) -> None:
    say("alice one")
    say("alice two", configuration={"reasoning": {"custom_instructions": "heed food"}})
    say("alice three", configuration={"reasoning": {"custom_instructions": "heed food"}})
    configure(db, {"reasoning": {"custom_instructions": "heed pets"}})
    say("alice four")
    assert spans(db) == [("alice", 1, 1, 1), ("alice", 2, 3, 2), ("alice", 4, 4, 1)]
    assert [unit["configuration"] for unit in units(db)] == [
        {},
        {"reasoning_instructions": "heed food"},
        {"reasoning_instructions": "heed pets", "summary_instructions": "heed pets"},
    ]


def test_later_configuration_changes_do_not_affect_enqueued_units(db: Connection, say: Say) -> None:
    say("alice one")
    workspaces.update(db, "w", Change(configuration={"reasoning": {"enabled": False}}), NOW)
    assert units(db)[0]["configuration"] == {}


def test_messages_excluded_from_reasoning_are_in_no_unit_and_muted(db: Connection, say: Say) -> None:
    off: Json = {"reasoning": {"enabled": False}}
    say("alice one")
    say("alice two", configuration=off)
    say("bob hush", configuration=off)
    say("alice three")
    assert spans(db) == [("alice", 1, 4, 2)]
    assert window_of(db, 1, 1_000) == (["one", "three"], 2, 100)


def test_what_unobserved_peers_say_is_in_no_unit_but_context(db: Connection, say: Say) -> None:
    join(db, "carol", observe_me=False)
    peers.update(db, "w", "dave", Change(configuration={"observe_me": False}), NOW)
    say("carol where do you live?", "alice in Porto", "dave since when?", "alice since May")
    assert spans(db) == [("alice", 2, 4, 2)]
    assert window_of(db, 2, 1_000)[0] == ["where do you live?", "in Porto", "since when?", "since May"]


def test_a_message_can_enable_reasoning_for_itself(db: Connection, say: Say) -> None:
    workspaces.update(db, "w", Change(configuration={"reasoning": {"enabled": False}}), NOW)
    say("alice one")
    say("alice two", configuration={"reasoning": {"enabled": True}})
    assert spans(db) == [("alice", 2, 2, 1)]


def test_scopes_are_not_stored_as_observers(db: Connection, say: Say) -> None:
    join(db, "bob", observe_others=True)
    scopes.get_or_create(db, "w", "work", None, NOW)
    scopes.add_sessions(db, "w", "work", ["s"], NOW)
    say("alice one")
    assert units(db)[0]["observers"] == ["alice", "bob"]


def test_a_peer_that_left_rejoins_with_its_flags_by_a_message(db: Connection, say: Say) -> None:
    join(db, "alice", observe_me=False)
    sessions.remove_peers(db, "w", "s", ["alice"], NOW)
    say("alice hush")
    assert units(db) == []
    assert members.is_active(db, "w", "s", "alice")


def test_every_interval_within_a_batch_enqueues_a_summary(db: Connection, say: Say) -> None:
    say(*["alice hm"] * 100, tokens=0)
    enqueued = [(unit["through"], unit["kinds"]) for unit in units(db, "summary")]
    assert enqueued == [(20, ["short"]), (40, ["short"]), (60, ["short", "long"]), (80, ["short"]), (100, ["short"])]


def test_summaries_depend_on_their_own_switch_only(db: Connection, say: Say) -> None:
    sessions.get_or_create(db, "w", "s", SessionChange(), NOW)
    configure(db, {"reasoning": {"enabled": False}})
    say(*["alice hm"] * 20)
    assert (len(units(db)), len(units(db, "summary"))) == (0, 1)
    configure(db, {"summary": {"enabled": False}})
    say(*["alice hm"] * 20)
    assert len(units(db, "summary")) == 1


def window_of(db: Connection, first: int, budget: int) -> tuple[list[str], int, int]:
    session = sql.value(db, "SELECT pk FROM sessions")
    alice = sql.value(db, "SELECT pk FROM peers WHERE id = 'alice'")
    found = messages.window(db, Stretch(session, first, 99), alice, WindowSize(budget))
    return [message.content for message in found.messages], found.own, found.rest


def test_a_window_has_context_before_and_between_but_not_after(db: Connection, say: Say) -> None:
    say("bob well?", "alice one", "bob and?", "alice two", "bob nice")
    assert window_of(db, 2, 1_000) == (["well?", "one", "and?", "two"], 2, 100)
    assert window_of(db, 4, 1_000)[0] == ["and?", "two"]


def test_a_window_respects_its_budget_and_returns_the_next_position(db: Connection, say: Say) -> None:
    say("alice one", "alice two", "bob hm", "alice three")
    assert window_of(db, 1, 20) == (["one", "two"], 2, 4)
    assert window_of(db, 4, 20)[1:] == (1, 100)


def test_a_window_contains_its_first_message_regardless_of_size(db: Connection, say: Say) -> None:
    say("bob why?", "alice long", "alice more")
    assert window_of(db, 2, 5) == (["long"], 1, 3)


def test_a_message_of_another_that_is_left_out_uses_up_nothing_of_a_window(db: Connection, say: Say) -> None:
    say("alice one", tokens=10)
    say("bob long", tokens=5_000)
    say("alice two", tokens=10)
    assert window_of(db, 1, 100) == (["one", "two"], 2, 100)


def turns_of(db: Connection, first: int, before: int, budget: int = 1_000) -> tuple[list[str], list[str]]:
    """The turns before a window, and its messages, if only the peer's own count."""
    session = sql.value(db, "SELECT pk FROM sessions")
    alice = sql.value(db, "SELECT pk FROM peers WHERE id = 'alice'")
    found = messages.window(
        db, Stretch(session, first, 99), alice, WindowSize(budget, counts_others=False, before=before)
    )
    return [each.content for each in found.before], [each.content for each in found.messages]


def test_the_turns_before_a_window_are_context_whoever_said_them(db: Connection, say: Say) -> None:
    say("alice zero", "bob one", "alice two", "alice three", "bob four", "alice five")
    assert turns_of(db, 6, 3) == (["two", "three"], ["four", "five"])
    assert turns_of(db, 4, 2) == (["one", "two"], ["three", "four", "five"])
    assert turns_of(db, 4, 0) == ([], ["three", "four", "five"])


def test_messages_of_others_do_not_use_up_a_window_of_own_tokens(db: Connection, say: Say) -> None:
    say("alice one", "bob long", "alice two", tokens=10)
    say("bob longer", tokens=5_000)
    say("alice three", tokens=10)
    assert turns_of(db, 1, 2, budget=30)[1] == ["one", "long", "two", "longer", "three"]
    assert turns_of(db, 1, 2, budget=29)[1] == ["one", "long", "two"]


def test_of_many_messages_of_others_in_a_row_the_last_ones_are_context(db: Connection, say: Say) -> None:
    say("alice one", *(f"bob {number}" for number in range(50)), "alice two")
    assert turns_of(db, 1, 3)[1] == ["one", "47", "48", "49", "two"]


def test_a_window_is_in_the_order_in_which_things_were_said(db: Connection, say: Say) -> None:
    for line, at in (("bob much later", 90), ("alice second", 20), ("bob first", 10), ("alice third", 30)):
        batch = [NewMessage(line.split(" ", 1)[0], line.split(" ", 1)[1], {}, 10, at * SECOND)]
        point = messages.append_point(db, MessageBatch("w", "s", batch), NOW, max_observers=10)
        messages.append(db, point, batch, enqueue_jobs(db, point, batch, EnqueuePolicy(Defaults(), PACE)))
    assert turns_of(db, 2, 4)[1] == ["first", "second", "third", "much later"]
    assert turns_of(db, 4, 4) == (["second"], ["first", "third"])


def test_the_pace_with_a_model_has_settings_of_its_own() -> None:
    given = {"debounce_seconds": 1, "max_wait_seconds": 2, "flush_tokens": 3}
    of_model = {f"model_{name}": 10 * value for name, value in given.items()}
    without = Settings.model_validate({**given, **of_model})
    assert flush_policy(without) == FlushPolicy(tokens=3, quiet=SECOND, patience=2 * SECOND)
    with_model = without.model_copy(update={"model": "openai:m"})
    assert flush_policy(with_model) == FlushPolicy(tokens=30, quiet=10 * SECOND, patience=20 * SECOND)
    usual = flush_policy(Settings.model_validate({"model": "openai:m"}))
    assert usual.tokens < with_model.batch_tokens  # a unit that is full fits into one request
    assert usual.patience <= 30 * MINUTE
