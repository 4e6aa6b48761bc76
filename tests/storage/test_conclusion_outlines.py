"""What representations are ranked by: the newest conclusions, and older ones about lasting things."""

from __future__ import annotations

import pytest

from omoide.storage import conclusion_search, conclusions, sessions
from omoide.storage.conclusion_search import ConclusionScope, ConclusionSearch
from omoide.storage.conclusions import ConclusionRow, Target
from omoide.storage.peers import ensure
from omoide.storage.sqlite.engine import Connection
from tests import sql

SEARCH = ConclusionSearch("w", observer_id="alice", observed_id="alice")


@pytest.fixture
def target(db: Connection) -> Target:
    workspace, session = sessions.ensure(db, "w", "s", 1)
    alice = ensure(db, workspace, {"alice"}, 1)["alice"]
    return Target(workspace, (alice, alice), session)


def within(db: Connection) -> ConclusionScope:
    found = conclusion_search.resolve(db, SEARCH)
    assert found is not None
    return found


def add(db: Connection, target: Target, number: int, *topics: str) -> int:
    new = ConclusionRow(f"c{number}", f"fact {number}", said_at=number, topics=frozenset(topics))
    return conclusions.insert(db, target, new, now=100 + number)


def test_of_more_than_the_limit_older_ones_with_a_topic_are_read_too(db: Connection, target: Target) -> None:
    for number in range(10):
        add(db, target, number, *(["home"] if number in (1, 8) else []))
    found = conclusion_search.outlines(db, within(db), 4)
    assert [each.content for each in found] == ["fact 9", "fact 8", "fact 7", "fact 6", "fact 1"]


def test_the_state_of_a_pair_changes_with_its_conclusions(db: Connection, target: Target) -> None:
    states = [conclusion_search.state_of(db, target.pair)]
    first, second = (add(db, target, number) for number in (1, 2))
    states.append(conclusion_search.state_of(db, target.pair))
    sql.change(db, "UPDATE conclusions SET times_derived = times_derived + 1 WHERE pk = ?", (first,))
    states.append(conclusion_search.state_of(db, target.pair))
    conclusions.hide(db, [second], 300)
    states.append(conclusion_search.state_of(db, target.pair))
    assert len({*states}) == 4
