"""Which entries of the full-text indexes still have the form of an older version.

Texts of some scripts have another form in the indexes since schema 13 (`core/index_text.py`). A row of `reindexing` is
the range of rows of an index whose entries have the stored text as it is: after the row `after`, up to `through`. A job
(`fulltext_conversion`) replaces them in steps. The indexes are contentless, so an entry can only be removed with the
text that it was made from: whatever adds or removes one takes that text from here.
"""

from __future__ import annotations

from omoide.storage.base import Transaction
from omoide.storage.rows import mended
from omoide.storage.sqlite.dialect import byte_length

SCRIPT = """\
CREATE TABLE reindexing (
    words TEXT PRIMARY KEY, after INTEGER NOT NULL, through INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO reindexing SELECT 'message_words', 0, max(pk) FROM messages HAVING count(*) > 0;
INSERT INTO reindexing SELECT 'conclusion_words', 0, max(pk) FROM conclusions HAVING count(*) > 0;
INSERT INTO jobs (kind, payload, created_at, due_at, key)
    SELECT 'convert_words', json_object('index', words), unixepoch() * 1000000, 0, words FROM reindexing;
"""

IS_PLAIN = f"{byte_length('t.content')} = length(t.content)"
"""SQL: the text is ASCII, which has the same form in every version."""
FORM = "index_text(CAST(t.content AS BLOB))"


def text_of(index: str) -> str:
    """SQL for the text of a row `t` in its entry."""
    is_old = f"SELECT 1 FROM reindexing r WHERE r.words = '{index}' AND t.pk > r.after AND t.pk <= r.through"
    return f"iif({IS_PLAIN} OR EXISTS ({is_old}), t.content, {FORM})"


def remaining(db: Transaction, index: str) -> tuple[int, int] | None:
    """The range of rows whose entries have the older form; None if there is none."""
    row = db.execute("SELECT after, through FROM reindexing WHERE words = ?", (index,)).fetchone()
    if row is None:
        return None
    after, through = mended(["reindexing.after", "reindexing.through"], row)
    return after, through


def advance(db: Transaction, index: str, after: int) -> None:
    """Record that entries up to the row `after` have the new form."""
    db.execute("UPDATE reindexing SET after = ? WHERE words = ?", (after, index))


def end(db: Transaction, index: str) -> None:
    """Record that all entries have the new form."""
    db.execute("DELETE FROM reindexing WHERE words = ?", (index,))
