"""Whether what is in the file is what those who used it were told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson

from omoide.storage.sqlite import inspection
from omoide.storage.sqlite.engine import Connection
from omoide.storage.sqlite.integrity import full_check
from tests import sql
from tests.crash.external_clients import Book, Guest


class CrashFindings:
    """What was found, as lines to be read; `checks` counts the looks, `lost` and `doubled` what was acknowledged."""

    def __init__(self) -> None:
        self.checks = 0
        self.lost = 0
        self.doubled = 0
        self.faults: list[str] = []

    def look(self, db: Path, guests: Sequence[Guest]) -> None:
        """At any moment: the file is sound, and what was acknowledged before the look is there once."""
        self.checks += 1
        told = [(guest, guest.book.copied()) for guest in guests]
        with inspection.opened(db, busy_timeout=30) as connection, sql.transaction(connection):
            self.faults += full_check.faults(connection)
            for guest, book in told:
                there = said(connection, f"s-{guest.name}"), concluded(connection, guest.name)
                # What was withdrawn since may be gone or not.
                book.concluded = {text: id for text, id in book.concluded.items() if text in guest.book.concluded}
                self._of_messages(guest.name, book, there[0])
                self._of_conclusions(guest.name, book, there[1])

    def _of_messages(self, name: str, book: Book, found: list[str]) -> None:
        self._once(name, book.said, found)
        wanted = set(book.said)
        kept = [content for content in found if content in wanted]
        if kept != book.said and sorted(kept) == sorted(book.said):
            self.faults.append(f"{name}: what was said is not in order")

    def _of_conclusions(self, name: str, book: Book, found: list[str]) -> None:
        self._once(name, book.concluded, found)
        self.faults += [f"{name}: {content} is there again" for content in book.withdrawn & set(found)]

    def _once(self, name: str, acknowledged: Iterable[str], found: list[str]) -> None:
        counts = Counter(found)
        lost = [content for content in acknowledged if not counts[content]]
        doubled = [content for content, count in counts.items() if count > 1]
        self.lost += len(lost)
        self.doubled += len(doubled)
        self.faults += [f"{name}: lost {content}" for content in lost]
        self.faults += [f"{name}: {counts[content]} times {content}" for content in doubled]

    def at_the_end(self, db: Path, guests: Sequence[Guest]) -> None:
        """Once nobody writes and nothing is owed."""
        self.look(db, guests)
        with inspection.opened(db, busy_timeout=30) as connection:
            for guest in guests:
                self._of_a_guest(connection, guest.name, guest.book)
            self._of_what_is_gone(connection, {name for guest in guests for name in guest.book.gone})
            count = "SELECT count(*) FROM messages WHERE pk NOT IN (SELECT pk FROM message_vectors)"
            self._expect("texts without a vector", sql.value(connection, count), 0)
            self._expect("failed jobs", sql.count(connection, "jobs", "failed_at > 0"), 0)

    def _of_a_guest(self, connection: Connection, name: str, book: Book) -> None:
        there = said(connection, f"s-{name}")
        expected = set(book.said) | (book.unsure & set(there))
        self._expect(f"{name}: messages", sorted(there), sorted(expected))
        derived = Counter(
            dict(
                sql.rows(
                    connection,
                    """SELECT c.content, sum(c.times_derived) FROM conclusions c JOIN peers p ON p.pk = c.observed
                       WHERE c.observer = c.observed AND p.id = ? AND c.level = 'explicit' AND c.deleted_at IS NULL
                       GROUP BY c.content""",
                    (name,),
                )
            )
        )
        owed = Counter(f"{name} owns{content.removeprefix('I own').removesuffix('.')}" for content in there)
        self._expect(f"{name}: derived", sorted((derived - owed).items()) + sorted((owed - derived).items()), [])
        units = sql.value(
            connection,
            "SELECT sum(units) FROM done WHERE kind = 'representation' AND session = ? AND observed = ?",
            (f"s-{name}", name),
        )
        self._expect(f"{name}: messages counted as reasoned about", units or 0, len(there))
        metadata = sql.value(connection, "SELECT metadata FROM sessions WHERE id = ?", (f"s-{name}",))
        self._expect(f"{name}: metadata", orjson.loads(metadata), book.metadata)
        members = sql.column(
            connection,
            """SELECT p.id FROM members m JOIN peers p ON p.pk = m.peer JOIN sessions s ON s.pk = m.session
               WHERE s.id = ? AND m.left_at IS NULL""",
            (f"s-{name}",),
        )
        self._expect(f"{name}: members", {*members}, book.members)
        peers = {*sql.column(connection, "SELECT id FROM peers")}
        self._expect(f"{name}: peers", book.peers - peers, set())
        cards = sql.column(
            connection,
            """SELECT c.lines FROM cards c JOIN peers p ON p.pk = c.observer WHERE p.id = ?""",
            (f"{name}-card",),
        )
        self._expect(f"{name}: card", [orjson.loads(lines) for lines in cards], [book.card] if book.card else [])

    def _of_what_is_gone(self, connection: Connection, gone: set[str]) -> None:
        names = {each.rsplit("/", 1)[-1] for each in gone}
        for table in ("sessions", "workspaces"):
            left = {*sql.column(connection, f"SELECT id FROM {table}")}
            self._expect(f"deleted {table}", names & left, set())
        count = "SELECT count(*) FROM messages WHERE content LIKE 'gone %'"
        self._expect("messages of what was deleted", sql.value(connection, count), 0)

    def _expect(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self.faults.append(f"{what}: {found} instead of {expected}")


def said(connection: Connection, session: str) -> list[str]:
    return sql.column(
        connection,
        """SELECT m.content FROM messages m JOIN sessions s ON s.pk = m.session
           WHERE s.id = ? AND s.deleted_at IS NULL ORDER BY m.seq""",
        (session,),
    )


def concluded(connection: Connection, name: str) -> list[str]:
    """What is there of the conclusions that a guest made by hand."""
    return sql.column(
        connection,
        """SELECT c.content FROM conclusions c JOIN peers o ON o.pk = c.observer JOIN peers d ON d.pk = c.observed
           WHERE o.id = ? AND d.id = ? AND c.deleted_at IS NULL AND c.level = 'explicit'""",
        (name, f"{name}-by-hand"),
    )
