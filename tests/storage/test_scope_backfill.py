"""Backfills of scopes and their removal, step by step: after crashes, repetitions and bad timing."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omoide.core.clock import ID_LENGTH, derived_id, new_id
from omoide.core.job_payloads import JobKind
from omoide.core.records import NewConclusion, NewMessage, SessionChange
from omoide.search.vector_group import Group
from omoide.search.vector_index import Allowed, VectorIndex
from omoide.storage import conclusions, embeddings, messages, queue, scope_copies, scopes, sessions
from omoide.storage.sqlite.engine import Connection
from omoide.storage.vectors import packed
from tests import sql

NOW = 1_700_000_000_000_000
W, S = "w", "s"


@pytest.fixture
def db(db: Connection) -> Connection:
    """A database with the scope th and the session s with messages of alice and bob; s is not in th."""
    said = [NewMessage(peer, "Hello", {}, 1, None) for peer in ("alice", "bob")]
    messages.add(db, W, S, said, NOW, max_observers=10)
    scopes.get_or_create(db, W, "th", None, NOW)
    return db


def scope(db: Connection) -> int:
    return scopes.get(db, W, "th").pk


def session(db: Connection, id: str = S) -> int:
    return sessions.get(db, W, id).pk


def know(db: Connection, *contents: str, observer: str = "alice", observed: str = "alice", at: str = S) -> list[str]:
    """The ids of new explicit conclusions."""
    batch = [NewConclusion(content, observer, observed, at) for content in contents]
    return [made.id for made in conclusions.add(db, W, batch, NOW)]


def derive(db: Connection, content: str, sources: Sequence[str], level: str = "deductive") -> str:
    """The id of a new conclusion of the scope about alice."""
    id = new_id(NOW)
    sql.change(
        db,
        """INSERT INTO conclusions (id, workspace, observer, observed, content, level, source_ids, said_at, created_at)
           SELECT ?, workspace, ?, pk, ?, ?, ?, 0, 0 FROM peers WHERE id = 'alice'""",
        (id, scope(db), content, level, json.dumps([*sources])),
    )
    return id


def enter(db: Connection, *session_ids: str) -> None:
    scopes.add_sessions(db, W, "th", session_ids, NOW)


def leave(db: Connection) -> None:
    scopes.remove_session(db, W, "th", S, NOW)


def copy(db: Connection, at: str = S) -> None:
    after: int | None = 0
    while after is not None:
        after = scope_copies.copy_some(db, scope(db), session(db, at), after, NOW + 1)


def forget(db: Connection) -> None:
    scope_copies.forget(db, scope(db), session(db), scope_copies.to_forget(db, scope(db), session(db)), NOW)


def known(db: Connection) -> list[str]:
    """The scope's conclusions about alice, oldest row first."""
    return sql.column(
        db,
        """SELECT c.content FROM conclusions c JOIN peers p ON p.pk = c.observed
           WHERE c.observer = ? AND p.id = 'alice' AND c.deleted_at IS NULL ORDER BY c.pk""",
        (scope(db),),
    )


def state(db: Connection) -> str | None:
    found = scopes.status(db, W, "th").get(S)
    return found.state if found else None


def jobs(db: Connection, kind: str) -> list[str]:
    return sql.column(db, "SELECT key FROM jobs WHERE kind = ? ORDER BY pk", (kind,))


def test_copies_keep_said_at_and_times_derived(db: Connection) -> None:
    (origin,) = know(db, "tea")
    sql.change(db, "UPDATE conclusions SET said_at = 5, times_derived = 3 WHERE id = ?", (origin,))
    enter(db, S)
    copy(db)
    query = "SELECT said_at, times_derived, level, details FROM conclusions WHERE observer = ?"
    (found,) = sql.rows(db, query, (scope(db),))
    assert found == (5, 3, "explicit", json.dumps({"origin": origin}, separators=(",", ":")))


def test_copies_are_indexed_and_enqueued_for_embedding(db: Connection) -> None:
    know(db, "tea")
    enter(db, S)
    queue.drop(db, "embed", "embed")
    copy(db)
    count = sql.count(db, "conclusion_words", "conclusion_words MATCH 'tea'")
    assert count == 2
    assert jobs(db, "embed") == ["embed"]


def test_deleted_and_derived_conclusions_are_not_copied(db: Connection) -> None:
    gone, _ = know(db, "gone", "derived")
    conclusions.delete(db, W, gone, NOW)
    sql.change(db, "UPDATE conclusions SET level = 'inductive' WHERE content = 'derived'")
    enter(db, S)
    copy(db)
    assert (known(db), state(db)) == ([], "completed")


def test_more_than_one_step_copies_everything_in_order(db: Connection) -> None:
    contents = [f"fact {number}" for number in range(2 * scope_copies.ROWS_AT_A_TIME + 1)]
    know(db, *contents)
    enter(db, S)
    copy(db)
    assert known(db) == contents
    assert scopes.status(db, W, "th")[S].docs_copied == len(contents)


def test_an_interrupted_backfill_restarts_without_duplicates(db: Connection) -> None:
    contents = [f"fact {number}" for number in range(scope_copies.ROWS_AT_A_TIME + 1)]
    know(db, *contents)
    enter(db, S)
    scope_copies.copy_some(db, scope(db), session(db), 0, NOW)
    assert state(db) == "pending"
    copy(db)
    assert known(db) == contents
    assert scopes.status(db, W, "th")[S].docs_copied == len(contents)


def test_a_backfill_stops_once_the_session_has_left(db: Connection) -> None:
    know(db, *(f"fact {number}" for number in range(scope_copies.ROWS_AT_A_TIME + 1)))
    enter(db, S)
    after = scope_copies.copy_some(db, scope(db), session(db), 0, NOW)
    leave(db)
    assert after is not None
    assert scope_copies.copy_some(db, scope(db), session(db), after, NOW) is None
    assert len(known(db)) == scope_copies.ROWS_AT_A_TIME
    assert state(db) is None
    forget(db)
    assert known(db) == []


def test_a_pending_backfill_is_enqueued_once(db: Connection) -> None:
    enter(db, S)
    leave(db)
    enter(db, S)
    assert jobs(db, JobKind.SCOPE_BACKFILL) == [f"{scope(db)}:{session(db)}"]
    assert jobs(db, JobKind.SCOPE_REMOVAL) == [f"{scope(db)}:{session(db)}"]


def test_a_failed_backfill_is_reported_until_it_is_enqueued_again(db: Connection) -> None:
    enter(db, S)
    queue.drop(db, "embed", "embed")
    job = queue.claim(db, NOW, lease=1)
    assert job is not None
    queue.give_up(db, job, NOW + 7, "no luck")
    found = scopes.status(db, W, "th")[S]
    assert (found.state, found.docs_copied, found.updated_at % 1_000_000) == ("failed", None, 7)
    leave(db)
    enter(db, S)
    assert state(db) == "pending"
    copy(db)
    assert state(db) == "completed"


def test_removal_deletes_only_what_depends_on_the_session(db: Connection) -> None:
    messages.add(db, W, "t", [NewMessage("alice", "Hi", {}, 1, None)], NOW, max_observers=10)
    know(db, "tea")
    know(db, "cake", at="t")
    enter(db, S, "t")
    copy(db)
    copy(db, "t")
    tea, cake = (id for id in sql.column(db, "SELECT id FROM conclusions WHERE observer = ? ORDER BY pk", (scope(db),)))
    direct = derive(db, "drinks", [tea])
    derive(db, "consumes", [cake, derive(db, "is thirsty", [direct])], "inductive")
    derive(db, "eats", [cake, "unheard-of"])
    know(db, "seen by the scope", observer="scope.th")
    leave(db)
    forget(db)
    assert known(db) == ["cake", "eats"]
    assert scope_copies.to_forget(db, scope(db), session(db)) == []
    own = "SELECT content FROM conclusions WHERE observer = observed AND deleted_at IS NULL ORDER BY pk"
    assert sql.column(db, own) == ["tea", "cake"]


def test_removal_includes_dependents_of_deleted_conclusions(db: Connection) -> None:
    know(db, "tea")
    enter(db, S)
    copy(db)
    (tea,) = (id for id in sql.column(db, "SELECT id FROM conclusions WHERE observer = ?", (scope(db),)))
    derive(db, "is thirsty", [middle := derive(db, "drinks", [tea])])
    conclusions.delete(db, W, tea, NOW)
    conclusions.delete(db, W, middle, NOW)
    assert known(db) == ["is thirsty"]
    leave(db)
    forget(db)
    assert known(db) == []


def test_removal_is_skipped_if_the_session_is_back(db: Connection) -> None:
    know(db, "tea")
    enter(db, S)
    copy(db)
    leave(db)
    pks = scope_copies.to_forget(db, scope(db), session(db))
    enter(db, S)
    scope_copies.forget(db, scope(db), session(db), pks, NOW)
    assert (known(db), scope_copies.to_forget(db, scope(db), session(db))) == (["tea"], [])


def test_conclusions_copied_again_are_found_by_semantic_search(db: Connection) -> None:
    embeddings.adopt(db, "made up", 64, NOW)
    index, query = VectorIndex("made up", 64), np.full(64, 0.125, np.float32)

    def embed() -> None:
        model = embeddings.progress(db)
        assert model is not None
        pks = [pk for pk, _ in embeddings.missing(db, "conclusions", model.conclusions, 9)]
        rows = [*zip(pks, packed(np.array([query] * len(pks))), strict=True)]
        embeddings.add(db, model, "conclusions", pks[-1], rows)

    def found() -> int:
        return len(index.nearest(db, Group("conclusions", 1), query, 9, Allowed([scope(db)])))

    know(db, "tea")
    enter(db, S)
    copy(db)
    embed()
    assert found() == 1
    leave(db)
    forget(db)
    assert found() == 0
    enter(db, S)
    copy(db)
    embed()
    assert (known(db), found()) == (["tea"], 1)
    sql.change(db, "INSERT INTO conclusion_words (conclusion_words) VALUES ('integrity-check')")


def test_joining_current_scopes_is_no_change(db: Connection) -> None:
    enter(db, S)
    for names, is_settled in ((["th"], True), (["th", "th"], True), ([], True), (["th", "new"], False)):
        found = sessions.settled(db, W, S, SessionChange(scopes=names))
        assert (found is not None) is is_settled, names
    leave(db)
    assert sessions.settled(db, W, S, SessionChange(scopes=["th"])) is None


def test_the_sessions_of_several_scopes_are_listed_once(db: Connection) -> None:
    sessions.get_or_create(db, W, "t", SessionChange(scopes=["th", "other"]), NOW)
    enter(db, S)
    assert scopes.session_ids(db, W, ["other", "th", "th"]) == [S, "t"]
    assert scopes.session_ids(db, W, []) == []


Citations = dict[int, list[int]]


@given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=3)), st.sets(st.integers(0, 8)))
def test_resting_on_is_the_transitive_closure_of_citations(cited: Citations, lost: set[int]) -> None:
    sources = {str(id): [str(source) for source in given] for id, given in cited.items()}

    def leads_back(id: str, seen: frozenset[str]) -> bool:
        if int(id) in lost:
            return True
        return any(leads_back(source, seen | {id}) for source in sources.get(id, ()) if source not in seen)

    expected = {id for id in map(str, range(9)) if leads_back(id, frozenset())}
    assert scope_copies.resting_on(map(str, lost), sources) == expected


def test_a_derived_id_is_deterministic_and_differs_by_salt() -> None:
    origin = new_id(NOW)
    one, two = derived_id(origin, "one"), derived_id(origin, "two")
    assert one == derived_id(origin, "one")
    assert len({origin, one, two, derived_id(new_id(NOW), "one")}) == 4
    assert len(one) == ID_LENGTH
    assert one[:7] == origin[:7]
