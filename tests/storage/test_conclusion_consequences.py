"""What follows from a conclusion is a bounded tree of conclusions."""

from __future__ import annotations

import pytest

from omoide.core.errors import NotFound
from omoide.storage import cards, conclusion_consequences, conclusions
from omoide.storage.conclusion_consequences import Consequence
from omoide.storage.conclusion_reach import EVERYTHING, Reach
from omoide.storage.conclusion_sources import Bounds
from omoide.storage.sqlite.engine import Connection
from tests import sql
from tests.storage.test_conclusion_sources import FULL, NOW, conclude, db, end

__all__ = ["db"]


def tree(db: Connection, id: str, bounds: Bounds = FULL, reach: Reach = EVERYTHING) -> Consequence:
    return conclusion_consequences.tree(db, "w", id, reach, bounds).root


def shape(node: Consequence) -> object:
    """The tree as (text, what follows), without empty parts."""
    below = [*map(shape, node.below())]
    return (node.conclusion.content, below) if below else node.conclusion.content


def test_a_tree_leads_to_what_was_derived_at_any_depth(db: Connection) -> None:
    sings, hums = conclude(db, "alice sings"), conclude(db, "alice hums")
    music = conclude(db, "alice makes music", sources=[sings, hums])
    conclude(db, "alice is an artist", sources=[music])
    conclude(db, "alice is loud", sources=[hums])
    found = tree(db, hums)
    assert shape(found) == ("alice hums", [("alice makes music", ["alice is an artist"]), "alice is loud"])
    assert not found.is_cut
    assert shape(tree(db, sings)) == ("alice sings", [("alice makes music", ["alice is an artist"])])


def test_what_a_conclusion_was_merged_into_follows_from_it(db: Connection) -> None:
    plain, rich = conclude(db, "alice sings"), conclude(db, "alice sings in a choir")
    conclude(db, "alice makes music", sources=[rich])
    end(db, plain, "merged", rich)
    found = tree(db, plain)
    assert shape(found) == ("alice sings", [("alice sings in a choir", ["alice makes music"])])
    assert found.merged_into is not None
    assert found.derived == []


def test_what_superseded_a_conclusion_does_not_follow_from_it(db: Connection) -> None:
    old, new = conclude(db, "alice lives in Rome"), conclude(db, "alice lives in Oslo")
    end(db, old, "superseded", new)
    assert shape(tree(db, old)) == "alice lives in Rome"


def test_ended_consequences_are_told_and_deleted_ones_are_not(db: Connection) -> None:
    sings = conclude(db, "alice sings")
    ended, gone = (conclude(db, f"alice likes {what}", sources=[sings]) for what in ("music", "noise"))
    end(db, ended, "superseded", None)
    conclusions.hide(db, [conclusions.get(db, "w", gone).pk], NOW)
    assert shape(tree(db, sings)) == ("alice sings", ["alice likes music"])


def test_a_conclusion_that_follows_twice_has_its_consequences_once(db: Connection) -> None:
    sings = conclude(db, "alice sings")
    left, right = conclude(db, "a", sources=[sings]), conclude(db, "b", sources=[sings])
    both = conclude(db, "c", sources=[left, right])
    conclude(db, "d", sources=[both])
    found = tree(db, sings)
    assert shape(found) == ("alice sings", [("a", [("c", ["d"])]), ("b", ["c"])])
    assert [each.is_repeated for each in found.nodes()] == [False, False, False, False, False, True]


def test_a_circle_of_sources_ends(db: Connection) -> None:
    first = conclude(db, "a", sources=["later"])
    sql.change(db, "UPDATE conclusions SET id = 'later' WHERE id = ?", (conclude(db, "b", sources=[first]),))
    assert shape(tree(db, first)) == ("a", [("b", ["a"])])


@pytest.mark.parametrize(
    ("bounds", "expected", "cut"),
    [
        (Bounds(1, 10), "a", True),
        (Bounds(2, 10), ("a", ["b"]), True),
        (Bounds(3, 10), ("a", ["b", "c"]), True),
        (Bounds(4, 10), ("a", [("b", ["d"]), "c"]), False),
        (Bounds(200, 0), "a", True),
        (Bounds(200, 1), ("a", ["b", "c"]), True),
        (Bounds(200, 2), ("a", [("b", ["d"]), "c"]), False),
    ],
)
def test_a_tree_is_cut_at_its_bounds_nearest_first(db: Connection, bounds: Bounds, expected: object, cut: bool) -> None:
    a = conclude(db, "a")
    b = conclude(db, "b", sources=[a])
    conclude(db, "c", sources=[a])
    conclude(db, "d", sources=[b])
    found = tree(db, a, bounds)
    assert (shape(found), found.is_cut) == (expected, cut)


def test_a_limited_key_sees_what_it_may_read_and_only_its_own_card(db: Connection) -> None:
    sings = conclude(db, "alice sings")
    conclude(db, "alice makes music", sources=[sings])
    cards.revise(db, 1, "alice", cards.kept(db, 1, "alice"), ["Hobby: singing"], NOW)
    whole = conclusion_consequences.tree(db, "w", sings, Reach("alice"), FULL)
    assert (shape(whole.root), whole.lines) == (("alice sings", ["alice makes music"]), ["Hobby: singing"])
    session = conclusion_consequences.tree(db, "w", sings, Reach(session="s"), FULL)
    assert (shape(session.root), session.lines) == ("alice sings", ())
    with pytest.raises(NotFound):
        tree(db, sings, reach=Reach("bob"))


def test_lines_that_a_caller_wrote_rest_on_no_conclusion(db: Connection) -> None:
    sings = conclude(db, "alice sings")
    cards.put(db, "w", "alice", "alice", ["Hobby: singing"], NOW)
    assert conclusion_consequences.tree(db, "w", sings, EVERYTHING, FULL).lines == []
