"""The full-text indexes match the rows after additions and removals."""

from __future__ import annotations

import random

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.records import NewMessage
from omoide.storage import deletion_cascade, messages, purge, sessions, workspaces
from omoide.storage.sqlite import fulltext, fulltext_rebuild
from omoide.storage.sqlite.engine import Connection
from omoide.storage.sqlite.integrity.row_consistency import contradictions

NOW = 1_700_000_000_000_000


def say(db: Connection, session: str, *contents: str) -> None:
    batch = [NewMessage("alice", content, {}, 1, None) for content in contents]
    db.execute("BEGIN")
    messages.add(db, "w", session, batch, NOW, max_observers=10)
    db.execute("COMMIT")


def merge(db: Connection) -> None:
    """Make FTS5 merge all segments into one, as it does automatically if there are many."""
    is_first = True
    while fulltext.rewrite(db, fulltext.MESSAGES, is_first=is_first):
        is_first = False


def remove(db: Connection, session: str) -> None:
    pk = sessions.get(db, "w", session).pk
    deletion_cascade.delete_session(db, "w", session, NOW)
    more = True
    while more:
        db.execute("BEGIN")
        more = purge.session(db, pk)
        db.execute("COMMIT")


def found(db: Connection, word: str) -> list[int]:
    workspace = workspaces.find(db, "w")
    assert workspace is not None
    return fulltext.holding(db, fulltext.of_messages(workspace.pk, None, None), [word], 10_000)


def test_a_word_is_found_after_the_following_word_of_many_leaves_was_removed(db: Connection) -> None:
    say(db, "first", *["alpha"] * 100)
    say(db, "long", *["beta " * 3_000] * 20)
    say(db, "last", *["alpha"] * 10)
    merge(db)
    both = found(db, "alpha")
    remove(db, "long")
    query = "SELECT count(*) FROM message_words WHERE message_words MATCH 'alpha' AND rowid > 110"
    assert db.execute(query).fetchone() == (10,)
    assert found(db, "alpha") == both
    remove(db, "first")
    remove(db, "last")
    assert found(db, "alpha") == []
    assert fulltext.held(db, fulltext.MESSAGES) == 0


def texts(drawn: random.Random) -> list[str]:
    """Short texts, or long ones of a unique word that sorts between the words of the others."""
    if drawn.random() < 0.9:
        return [f"I own item {drawn.getrandbits(64):x}" for _ in range(drawn.randint(1, 30))]
    word = f"k{drawn.getrandbits(32):x} "
    return [word * drawn.randint(1_000, 2_000) for _ in range(drawn.randint(10, 30))]


@pytest.mark.parametrize("seed", range(8))
def test_the_index_contains_exactly_the_words_of_its_rows(db: Connection, seed: int) -> None:
    drawn = random.Random(seed)
    alive: list[str] = []
    for number in range(60):
        if len(alive) < 20 or drawn.random() < 0.2:
            alive += [f"s{number}-{n}" for n in range(6)]
            for session in alive[-6:]:
                say(db, session, *texts(drawn))
            merge(db)
        else:
            remove(db, alive.pop(drawn.randrange(len(alive))))
        held = fulltext.held(db, fulltext.MESSAGES)
        assert held == fulltext.totals(db, fulltext.MESSAGES)[1], number
    assert [*contradictions(db)] == []


def test_words_without_a_row_are_reported(db: Connection) -> None:
    say(db, "s", "alpha beta", "gamma")
    db.execute("INSERT INTO message_words (rowid, place, text) VALUES (1, '', 'left behind')")
    db.execute("INSERT INTO message_words (message_words, rowid, place, text) VALUES ('delete', 1, '', 'alpha beta')")
    db.execute("UPDATE message_words_docsize SET sz = sz WHERE id = 1")
    db.execute("DELETE FROM message_words_data WHERE id = 1")
    assert any("words in the full-text index message_words belong to no row" in line for line in contradictions(db))


def damage(db: Connection) -> None:
    """Remove the leaves of all segments."""
    db.execute("DELETE FROM message_words_data WHERE id > 1000")


def test_a_damaged_index_is_rebuilt_from_the_rows_in_steps(db: Connection) -> None:
    for number in range(3):
        say(db, f"s{number}", *["alpha " * 4_000] * 8)
    before = found(db, "alpha")
    damage(db)
    with pytest.raises(sqlite3.DatabaseError):
        found(db, "alpha")
    job = fulltext_rebuild.empty(db, fulltext.MESSAGES)
    assert job.through is not None
    after: int | None = 0
    steps = 0
    while after is not None:
        after = fulltext_rebuild.add_missing(db, fulltext.MESSAGES, after, job.through)
        steps += 1
        if steps == 2:  # rows are added and removed during the rebuild
            say(db, "new", "alpha")
            remove(db, "s2")
    assert steps > 3
    assert found(db, "alpha") == [25, *before[8:]]
    assert [*contradictions(db)] == []


def test_repeating_a_step_of_a_rebuild_adds_no_duplicates(db: Connection) -> None:
    say(db, "s", *["alpha"] * 5)
    job = fulltext_rebuild.empty(db, fulltext.MESSAGES)
    assert job.through is not None
    for _ in range(2):
        assert fulltext_rebuild.add_missing(db, fulltext.MESSAGES, 0, job.through) == 5
    assert fulltext.held(db, fulltext.MESSAGES) == fulltext.totals(db, fulltext.MESSAGES)[1]
