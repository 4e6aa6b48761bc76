"""What a conclusion comes from is a bounded tree of conclusions and messages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from omoide.core.clock import new_id
from omoide.core.errors import NotFound
from omoide.core.records import Change, Level, NewMessage, SessionChange
from omoide.storage import conclusion_endings, conclusion_sources, conclusions, messages, peers, sessions
from omoide.storage.conclusion_endings import Ended
from omoide.storage.conclusion_history import history
from omoide.storage.conclusion_reach import EVERYTHING, Reach
from omoide.storage.conclusion_sources import Bounds, SourceNode
from omoide.storage.conclusions import ConclusionRow, Target
from omoide.storage.sqlite.engine import Connection
from tests import sql

NOW = 10_000_000
FULL = Bounds(200, 10)


@pytest.fixture
def db(db: Connection) -> Connection:
    sessions.get_or_create(db, "w", "s", SessionChange(), NOW)
    for name in ("alice", "bob"):
        peers.get_or_create(db, "w", name, Change(), NOW)
    return db


def say(db: Connection, *contents: str) -> list[str]:
    batch = [NewMessage("alice", content, {}, 1, NOW + at, None) for at, content in enumerate(contents)]
    return [each.id for each in messages.add(db, "w", "s", batch, NOW, max_observers=10)]


def conclude(db: Connection, content: str, *, said: Sequence[str] = (), sources: Sequence[str] | None = None) -> str:
    level: Level = "explicit" if sources is None else "deductive"
    new = ConclusionRow(new_id(NOW), content, NOW, level=level, source_ids=sources, message_ids=said)
    conclusions.insert(db, Target(1, (1, 1), 1), new, NOW)
    return new.id


def end(db: Connection, id: str, ending: str, successor: str | None) -> None:
    pk = conclusions.get(db, "w", id).pk
    conclusion_endings.end(db, [Ended(pk, ending, successor)], NOW)  # type: ignore[arg-type]


def tree(db: Connection, id: str, bounds: Bounds = FULL, reach: Reach = EVERYTHING) -> SourceNode:
    return conclusion_sources.tree(db, "w", id, reach, bounds)


def shape(node: SourceNode) -> object:
    """The tree as (text, messages, sources, merged), without empty parts."""
    parts = ([each.content for each in node.messages], [*map(shape, node.sources)], [*map(shape, node.merged)])
    return (node.conclusion.content, *(part for part in parts if part))


def test_a_tree_leads_to_the_messages_at_any_depth(db: Connection) -> None:
    first, second = say(db, "I sing", "I hum")
    facts = [conclude(db, "alice sings", said=[first]), conclude(db, "alice hums", said=[second])]
    music = conclude(db, "alice makes music", sources=facts)
    artist = conclude(db, "alice is an artist", sources=[music])
    leaves = [("alice sings", ["I sing"]), ("alice hums", ["I hum"])]
    assert shape(tree(db, artist)) == ("alice is an artist", [("alice makes music", leaves)])
    assert not tree(db, artist).is_cut


def test_a_tree_has_the_merged_predecessors_with_their_messages(db: Connection) -> None:
    first, second = say(db, "I sing", "I sing in a choir")
    plain, rich = conclude(db, "alice sings", said=[first]), conclude(db, "alice sings in a choir", said=[second])
    end(db, plain, "merged", rich)
    assert shape(tree(db, rich)) == ("alice sings in a choir", ["I sing in a choir"], [("alice sings", ["I sing"])])


def test_what_was_superseded_or_corrected_is_no_source(db: Connection) -> None:
    old, wrong, new = (conclude(db, f"alice lives in {city}") for city in ("Rome", "Bonn", "Oslo"))
    end(db, old, "superseded", new)
    end(db, wrong, "invalid", new)
    assert shape(tree(db, new)) == ("alice lives in Oslo",)
    assert shape(tree(db, old)) == ("alice lives in Rome",), "an ended conclusion has sources as well"


def test_a_conclusion_that_is_cited_twice_is_expanded_once(db: Connection) -> None:
    (message,) = say(db, "I sing")
    fact = conclude(db, "alice sings", said=[message])
    both = conclude(db, "both", sources=[conclude(db, "one", sources=[fact]), conclude(db, "two", sources=[fact])])
    found = tree(db, both)
    (one,), (two,) = (each.sources for each in found.sources)
    assert (one.is_repeated, [each.content for each in one.messages]) == (False, ["I sing"])
    assert (two.is_repeated, two.messages) == (True, [])
    assert not found.is_cut


def test_conclusions_that_cite_each_other_end_the_walk(db: Connection) -> None:
    one = conclude(db, "one", sources=[])
    two = conclude(db, "two", sources=[one])
    sql.change(db, "UPDATE conclusions SET source_ids = ? WHERE id = ?", (f'["{two}"]', one))
    assert shape(tree(db, one)) == ("one", [("two", [("one",)])])


def test_deleted_sources_are_left_out(db: Connection) -> None:
    gone, stays = conclude(db, "gone"), conclude(db, "stays")
    derived = conclude(db, "derived", sources=[gone, stays, "never"])
    conclusions.delete(db, "w", gone, NOW)
    assert shape(tree(db, derived)) == ("derived", [("stays",)])
    with pytest.raises(NotFound):
        tree(db, gone)


def test_a_tree_is_cut_at_the_bounds_and_says_so(db: Connection) -> None:
    chain = conclude(db, "0", said=say(db, "I sing"))
    for number in range(1, 5):
        chain = conclude(db, f"{number}", sources=[chain])
    assert shape(tree(db, chain, Bounds(200, 2))) == ("4", [("3", [("2",)])])
    assert tree(db, chain, Bounds(200, 2)).is_cut
    assert shape(tree(db, chain, Bounds(200, 4))) == ("4", [("3", [("2", [("1", [("0", ["I sing"])])])])])
    assert not tree(db, chain, Bounds(200, 4)).is_cut
    assert shape(tree(db, chain, Bounds(5, 10))) == ("4", [("3", [("2", [("1", [("0",)])])])])
    assert tree(db, chain, Bounds(5, 10)).is_cut
    assert not tree(db, chain, Bounds(6, 10)).is_cut
    wide = conclude(db, "wide", sources=[conclude(db, f"{number}") for number in range(30)])
    found = tree(db, wide, Bounds(11, 10))
    assert (len(found.sources), found.is_cut) == (10, True)
    assert (len(tree(db, wide, Bounds(31, 10)).sources), tree(db, wide, Bounds(31, 10)).is_cut) == (30, False)


def test_the_newest_messages_behind_a_conclusion_are_listed(db: Connection) -> None:
    often = conclude(db, "alice sings", said=say(db, *(f"I sing {number}" for number in range(25))))
    found = tree(db, often)
    assert [each.content for each in found.messages] == [f"I sing {number}" for number in range(24, 4, -1)]
    assert found.is_cut


def test_a_history_has_all_versions_on_both_sides(db: Connection) -> None:
    rome, bonn, oslo, kyiv = (conclude(db, f"alice lives in {city}") for city in ("Rome", "Bonn", "Oslo", "Kyiv"))
    end(db, rome, "superseded", oslo)
    end(db, bonn, "invalid", oslo)
    end(db, oslo, "superseded", kyiv)
    for asked in (rome, oslo, kyiv):
        found = history(db, "w", asked, EVERYTHING, 100)
        assert {each.conclusion.id for each in found.versions} == {rome, bonn, oslo, kyiv}
        assert not found.is_cut
    cut = history(db, "w", rome, EVERYTHING, 3)
    assert (len(cut.versions), cut.is_cut) == (3, True)
    assert rome in {each.conclusion.id for each in cut.versions}


def test_versions_that_succeed_each_other_end_the_walk(db: Connection) -> None:
    one, two = conclude(db, "one"), conclude(db, "two")
    end(db, one, "superseded", two)
    end(db, two, "superseded", one)
    assert len(history(db, "w", one, EVERYTHING, 100).versions) == 2
