"""Reads about another time see exactly what was known or held then, as a plain model of the rules says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omoide.core.records import NOW, Conclusion, Moment, PageRequest
from omoide.search.conclusions import search
from omoide.storage import conclusion_search, conclusion_times, conclusions, sessions
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.conclusions import FROM, ConclusionRow, Target
from omoide.storage.peers import ensure
from omoide.storage.sqlite.engine import Connection, Store
from tests import sql
from tests.reasoner.memory_fixtures import Past, run

ABOUT_TEA = ConclusionSearch("w", "tea", 50, observer_id="alice", observed_id="alice")
INSTANTS = [*range(10, 100, 10)]
ALL = PageRequest(1, 100)
Row = Mapping[str, Any]


@pytest.fixture
def past(db_path: Path) -> Iterator[Past]:
    store = Store.open(db_path)
    yield Past(store)
    store.close()


def id_of(number: int) -> str:
    return f"{number:021}"


def fill(db: Connection, rows: Sequence[Row]) -> None:
    """Replace all conclusions of alice about herself; see `id_of`."""
    workspace, session = sessions.ensure(db, "w", "s", 1)
    alice = ensure(db, workspace, {"alice"}, 1)["alice"]
    for (pk,) in sql.rows(db, "SELECT pk FROM conclusions"):
        conclusions.hide(db, [pk], 1)
    sql.change(db, "UPDATE conclusions SET id = 'gone-' || pk, ended_as = NULL, deleted_at = 1, successor = NULL")
    target = Target(workspace, (alice, alice), session)
    for number, row in enumerate(rows):
        held = {"valid_from": row["valid_from"], "valid_until": row["valid_until"]}
        new = ConclusionRow(id_of(number), f"tea {number}", row["said_at"], **held)
        pk = conclusions.insert(db, target, new, row["created_at"])
        ending = (row["deleted_at"], row["ended_as"], row["successor"], pk)
        sql.change(db, "UPDATE conclusions SET deleted_at = ?, ended_as = ?, successor = ? WHERE pk = ?", ending)


def random_rows(random: Random, count: int) -> list[dict[str, Any]]:
    def maybe(share: float = 0.5) -> int | None:
        return random.choice(INSTANTS) if random.random() < share else None

    rows: list[dict[str, Any]] = []
    for _ in range(count):
        deleted_at = maybe()
        ended_as = random.choice(["superseded", "superseded", "invalid", "merged", None]) if deleted_at else None
        successor = id_of(random.randrange(count)) if ended_as else None
        row = {"said_at": random.choice(INSTANTS), "created_at": random.choice(INSTANTS), "deleted_at": deleted_at}
        row |= {"ended_as": ended_as, "successor": successor, "valid_from": maybe(0.4), "valid_until": maybe(0.4)}
        rows.append(row)
    for row in rows:
        if row["ended_as"] == "superseded" and random.random() < 0.5:  # as supersession does
            row["valid_until"] = start_of(rows[int(row["successor"])])
    return rows


def start_of(row: Row) -> int:
    return int(row["said_at"] if row["valid_from"] is None else row["valid_from"])


def known(rows: Sequence[Row], number: int, as_of: int | None) -> dict[str, Any] | None:
    """What was known of a row: status, end, successor and validity; None if it was unknown, or is deleted."""
    row = rows[number]
    if row["deleted_at"] is not None and row["ended_as"] is None:
        return None
    found = {name: row[name] for name in ("ended_as", "successor", "valid_from", "valid_until", "deleted_at")}
    if as_of is None:
        return found
    if row["created_at"] > as_of:
        return None
    if row["deleted_at"] is not None and row["deleted_at"] > as_of:
        successor = rows[int(row["successor"])]
        if row["ended_as"] == "superseded" and row["valid_until"] == start_of(successor):
            found["valid_until"] = None
        found |= {"ended_as": None, "successor": None, "deleted_at": None}
    return found


def is_seen(row: dict[str, Any] | None, moment: Moment, *, with_ended: bool) -> bool:
    if row is None:
        return False
    status, valid_at = row["ended_as"] or "current", moment.valid_at
    if not with_ended and status not in (("current",) if valid_at is None else ("current", "superseded")):
        return False
    if valid_at is None:
        return True
    begun = row["valid_from"] is None or row["valid_from"] <= valid_at
    return begun and (row["valid_until"] is None or row["valid_until"] > valid_at)


def as_row(found: Conclusion) -> dict[str, Any]:
    return {
        "ended_as": found.ended_as,
        "successor": found.successor,
        "valid_from": found.valid_from,
        "valid_until": found.valid_until,
        "deleted_at": found.ended_at,
    }


def test_every_read_sees_what_the_model_sees(past: Past) -> None:
    past.conclude("anything")

    @settings(max_examples=25, derandomize=True, database=None, deadline=None)
    @given(st.randoms(use_true_random=True))
    def check(random: Random) -> None:
        rows = random_rows(random, 12)
        past.write(fill, rows)
        for _ in range(10):
            moment = Moment(*(random.choice([None, *INSTANTS, 5, 95]) for _ in range(2)))
            with_ended = random.random() < 0.3
            filters = {"status": {"in": ["current", "superseded", "invalid", "merged"]}} if with_ended else None
            expected = {
                id_of(number): row
                for number in range(len(rows))
                if is_seen(row := known(rows, number, moment.as_of), moment, with_ended=with_ended)
            }
            for found in reads(past, moment, filters):
                assert {each.id: as_row(each) for each in found} == expected, (moment, filters)

    check()


def reads(past: Past, moment: Moment, filters: dict[str, Any] | None) -> list[list[Conclusion]]:
    """The results of every kind of read, each without a limit that matters."""
    request = replace(ABOUT_TEA, filters=filters, moment=moment)
    pages = past.write(conclusions.page, "w", ALL, moment, filters)

    def ranked(db: Connection) -> list[list[Conclusion]]:
        within = conclusion_search.resolve(db, request)
        assert within is not None
        pks = conclusion_search.all_within(db, within)
        return [
            conclusion_search.newest(db, within, 50),
            conclusion_search.last_said(db, within, 50),
            conclusion_search.most_derived(db, within, 50),
            [*conclusion_search.by_pks(db, within, pks).values()],
        ]

    everywhere = replace(request, observer_id=None, observed_id=None)
    searched = [run(search(past.store, past.finder, each)) for each in (request, everywhere)]
    return [[*pages.items], *past.write(ranked), *searched]


@pytest.mark.parametrize("is_embedded", [True, False], ids=["by meaning", "by words"])
@pytest.mark.parametrize("query", ["tea", "what about tea"])
def test_many_later_conclusions_do_not_hide_the_earlier_one(past: Past, query: str, *, is_embedded: bool) -> None:
    past.write(fill, [row_at(10), *(row_at(50) for _ in range(1_700))])
    if is_embedded:
        for _ in range(2):
            past.embed()
    found = run(search(past.store, past.finder, replace(ABOUT_TEA, query=query, limit=3, moment=Moment(as_of=20))))
    assert [each.id for each in found] == [id_of(0)]


def row_at(created_at: int, **fields: Any) -> Row:
    empty = dict.fromkeys(("deleted_at", "ended_as", "successor", "valid_from", "valid_until"))
    return {"said_at": created_at, "created_at": created_at, **empty, **fields}


def test_an_ended_conclusion_is_found_by_meaning_after_it_left_the_index(past: Past) -> None:
    ended = row_at(10, deleted_at=50, ended_as="superseded", successor=id_of(1))
    past.write(fill, [ended, row_at(50)])
    past.embed()
    for moment, expected in (
        (NOW, [id_of(1)]),
        (Moment(as_of=20), [id_of(0)]),
        (NOW, [id_of(1)]),
        (Moment(as_of=20), [id_of(0)]),
    ):
        found = run(search(past.store, past.finder, replace(ABOUT_TEA, moment=moment)))
        assert [each.id for each in found] == expected


def test_a_revived_conclusion_is_found_by_meaning_again(past: Past) -> None:
    ended = row_at(10, deleted_at=50, ended_as="superseded", successor=id_of(1))
    past.write(fill, [ended, row_at(50)])
    past.embed()
    assert [each.id for each in run(search(past.store, past.finder, ABOUT_TEA))] == [id_of(1)]
    past.write(conclusions.delete, "w", id_of(1), 60)
    assert [each.id for each in run(search(past.store, past.finder, ABOUT_TEA))] == [id_of(0)]


def test_messages_that_said_it_again_later_are_not_told(past: Past) -> None:
    (first,) = past.say("s", "I like tea.", at=1_000)
    known_by = past.conclude("alice likes tea", session="s")
    (again,) = past.say("s", "I like tea.")

    def reinforced(db: Connection) -> None:
        details = f'{{"message_ids": ["{first.id}", "{again.id}"]}}'
        sql.change(db, "UPDATE conclusions SET said_at = ?, details = ?", (again.created_at, details))
        sql.change(
            db, "INSERT INTO conclusion_messages (message, conclusion) SELECT pk, ? FROM messages", (known_by.pk,)
        )

    past.write(reinforced)
    (then,) = past.write(conclusions.page, "w", ALL, Moment(as_of=known_by.created_at), None).items
    (now,) = past.write(conclusions.page, "w", ALL, NOW, None).items
    assert (now.message_ids, now.said_at) == ([first.id, again.id], again.created_at)
    assert (then.message_ids, then.said_at) == ([first.id], 1_000)


def test_reads_about_now_use_the_statement_and_the_indexes_of_before(past: Past) -> None:
    assert conclusions.seeing(FROM, conclusion_times.seen(NOW)) is FROM
    assert " c.deleted_at IS NULL AND" in FROM

    def plans(db: Connection) -> list[str]:
        query = f"EXPLAIN QUERY PLAN SELECT c.pk {FROM} AND c.observer = ? AND c.observed = ? ORDER BY c.created_at"
        return [str(row[-1]) for row in sql.rows(db, query, ("w", 1, 1))]

    assert any("conclusions_pair" in line for line in past.write(plans))


def test_reads_about_another_time_read_only_the_workspace(past: Past) -> None:
    seen = conclusion_times.seen(Moment(as_of=20, valid_at=20))
    source = conclusions.seeing(FROM, seen)

    def plan(db: Connection) -> list[str]:
        query = f"EXPLAIN QUERY PLAN SELECT c.pk {source} ORDER BY c.created_at"
        return [str(row[-1]) for row in sql.rows(db, query, ("w", *seen.params))]

    lines = past.write(plan)
    assert not [line for line in lines if line.startswith("SCAN c")], lines
