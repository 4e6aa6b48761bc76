"""Messages by the SDK: stored unchanged, in order of arrival."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from honcho import Honcho, MessageCreateParams, NotFoundError, Peer, Session, UnprocessableEntityError

from tests.sdk.conftest import Connect
from tests.sdk.styles import Style
from tests.server_process import Server

HALF_PAST_TEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
MAX_BATCH = 100
MAX_CHARACTERS = 25_000


@pytest.fixture
def alice(honcho: Honcho) -> Any:
    return Peer("alice", honcho)


@pytest.fixture
def session(honcho: Honcho) -> Any:
    return Session("first", honcho)


def contents(call: Style, session: Session) -> list[str]:
    return [message.content for message in call.walk(call(session.messages))]


def fields(message: Any) -> dict[str, object]:
    return dict(vars(message))


def test_one_message_needs_no_list(session: Session, alice: Peer, call: Style) -> None:
    before = datetime.now(UTC)
    [message] = call(session.add_messages, alice.message("hello world"))
    assert (message.content, message.peer_id, message.session_id) == ("hello world", "alice", "first")
    assert (message.workspace_id, message.metadata, message.token_count) == (session.workspace_id, {}, 2)
    assert before <= message.created_at <= datetime.now(UTC)
    assert len(message.id) == 21


def test_every_way_to_read_a_message_gives_the_same_result(session: Session, alice: Peer, call: Style) -> None:
    [added] = call(session.add_messages, alice.message("hello", metadata={"tone": "warm"}))
    assert fields(call(session.get_message, added.id)) == fields(added)
    assert fields(call(session.messages)[0]) == fields(added)


def test_messages_of_many_peers_are_returned_in_the_order_given(honcho: Honcho, session: Session, call: Style) -> None:
    batch = [Peer(f"peer-{n % 3}", honcho).message(f"{n}") for n in range(MAX_BATCH)]
    added = call(session.add_messages, batch)
    assert [(message.content, message.peer_id) for message in added] == [(m.content, m.peer_id) for m in batch]
    assert contents(call, session) == [message.content for message in batch]
    assert len({message.id for message in added}) == MAX_BATCH


def test_a_batch_is_limited_and_stored_atomically(session: Session, alice: Peer, call: Style) -> None:
    too_many = [alice.message(f"{n}") for n in range(MAX_BATCH + 1)]
    one_bad = [alice.message("good"), Peer("not an id!", alice._honcho).message("bad")]
    for refused in (too_many, one_bad, []):
        with pytest.raises(UnprocessableEntityError):
            call(session.add_messages, refused)
    assert contents(call, session) == []


def test_concurrent_batches_are_contiguous(session: Session, alice: Peer, call: Style) -> None:
    call(session.add_messages, alice.message("first of all"))
    batches = [[alice.message(f"{batch}.{n}") for n in range(5)] for batch in range(12)]
    call.together(session.add_messages, batches)
    stored = contents(call, session)[1:]
    groups = [stored[start : start + 5] for start in range(0, len(stored), 5)]
    assert sorted(groups) == sorted([message.content for message in batch] for batch in batches)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        '思い出 🐕\u200d🦺 e\u0301 "quoted" \\ \u2028',
        "<|endoftext|>",
        "x" * MAX_CHARACTERS,
        "🐕" * MAX_CHARACTERS,
    ],
    ids=["empty", "blank", "any script", "a tokenizer's mark", "longest", "longest beyond ASCII"],
)
def test_content_is_stored_unchanged(session: Session, alice: Peer, content: str, call: Style) -> None:
    # Written by hand, because `alice.message` refuses blank content before the server sees it.
    message = MessageCreateParams(peer_id=alice.id, content=content)
    [added] = call(session.add_messages, message)
    assert added.content == content
    assert call(session.get_message, added.id).content == content


def test_content_is_limited(session: Session, alice: Peer, call: Style) -> None:
    with pytest.raises(UnprocessableEntityError):
        call(session.add_messages, alice.message("x" * (MAX_CHARACTERS + 1)))


@pytest.mark.parametrize(
    "said",
    [
        HALF_PAST_TEN,
        HALF_PAST_TEN.replace(tzinfo=None),
        HALF_PAST_TEN.astimezone(timezone(timedelta(hours=5, minutes=30))),
        HALF_PAST_TEN.astimezone(timezone(-timedelta(hours=8))),
        "2024-01-15T10:30:00Z",
        "2024-01-15T11:30:00.000+01:00",
        "2024-01-15 10:30",
    ],
    ids=str,
)
def test_times_are_returned_in_utc_and_default_to_it(
    session: Session, alice: Peer, said: datetime | str, call: Style
) -> None:
    [added] = call(session.add_messages, alice.message("hello", created_at=said))
    for message in (added, call(session.get_message, added.id)):
        assert message.created_at == HALF_PAST_TEN
        assert message.created_at.utcoffset() == timedelta()


def test_times_keep_their_microseconds(session: Session, alice: Peer, call: Style) -> None:
    said = HALF_PAST_TEN + timedelta(microseconds=123_456)
    [added] = call(session.add_messages, alice.message("hello", created_at=said))
    assert call(session.get_message, added.id).created_at == said


def test_the_time_of_a_message_does_not_change_the_order(session: Session, alice: Peer, call: Style) -> None:
    call(session.add_messages, alice.message("now"))
    call(session.add_messages, alice.message("earlier", created_at=HALF_PAST_TEN))
    assert contents(call, session) == ["now", "earlier"]


def test_metadata_is_returned_as_given(session: Session, alice: Peer, call: Style) -> None:
    metadata = {"embedding": [n / 7 for n in range(1536)], "nested": {"none": None, "flag": True}, "text": "Ω" * 10_000}
    [added] = call(session.add_messages, alice.message("hello", metadata=metadata))
    assert added.metadata == metadata
    assert call(session.get_message, added.id).metadata == metadata


def test_a_messages_configuration_is_applied_but_not_stored(session: Session, alice: Peer, call: Style) -> None:
    quiet = alice.message("hello", metadata={"n": 1}, configuration={"reasoning": {"enabled": False}})
    [added] = call(session.add_messages, quiet)
    assert added.metadata == {"n": 1}


def test_updating_a_message_replaces_only_its_metadata(session: Session, alice: Peer, call: Style) -> None:
    [added, _] = call(session.add_messages, [alice.message("hello", metadata={"a": 1, "b": 2}), alice.message("bye")])
    for message, metadata in ((added, {"reviewed": True}), (added.id, {})):
        updated = call(session.update_message, message, metadata)
        assert fields(updated) == fields(added) | {"metadata": metadata}
        assert fields(call(session.get_message, added.id)) == fields(updated)
    assert contents(call, session) == ["hello", "bye"]


def test_a_message_is_found_only_in_its_own_session(honcho: Honcho, session: Session, alice: Peer, call: Style) -> None:
    [added] = call(session.add_messages, alice.message("hello"))
    other = call(honcho.session, "other")
    for stranger in (other, Session("ghost", honcho)):
        with pytest.raises(NotFoundError, match=f"Message with ID {added.id} not found"):
            call(stranger.get_message, added.id)
        with pytest.raises(NotFoundError):
            call(stranger.update_message, added.id, {})
    assert call(session.get_message, added.id).metadata == {}


def test_a_session_that_does_not_exist_has_no_messages(honcho: Honcho, session: Session, call: Style) -> None:
    page = call(session.messages)
    assert (page.items, page.total, page.pages) == ([], 0, 0)
    assert call(honcho.sessions).items == []


def test_an_idempotency_key_in_the_headers_makes_a_repeated_call_harmless(
    server: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    honcho = connect(server, fresh("workspace"), default_headers={"Idempotency-Key": "turn-17"})
    session, alice = Session("first", honcho), Peer("alice", honcho)
    first, again = (call(session.add_messages, alice.message("hello")) for _ in range(2))
    assert [message.id for message in again] == [message.id for message in first]
    assert contents(call, session) == ["hello"]
