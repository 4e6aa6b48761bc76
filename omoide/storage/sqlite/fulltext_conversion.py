"""Give the entries of an older file their new form, in steps, while the server runs. See `reindexing`."""

from __future__ import annotations

from omoide.storage.base import Transaction
from omoide.storage.sqlite import reindexing
from omoide.storage.sqlite.fulltext import TABLES, Index, add_entries, remove_entries
from omoide.storage.sqlite.fulltext_rebuild import last_of_step


def convert(db: Transaction, index: Index) -> bool:
    """Replace the next entries whose form has changed; returns whether there is more to do."""
    found = reindexing.remaining(db, index)
    last = None if found is None else last_of_step(db, index, *found)
    if found is None or last is None:
        reindexing.end(db, index)
        return False
    query = f"""SELECT t.pk FROM {TABLES[index]} t WHERE t.pk > ? AND t.pk <= ?
        AND NOT {reindexing.IS_PLAIN} AND {reindexing.FORM} <> t.content
        AND EXISTS (SELECT 1 FROM {index} w WHERE w.rowid = t.pk)"""
    pks = [pk for (pk,) in db.execute(query, (found[0], last))]
    if pks:
        remove_entries(db, index, pks)
    reindexing.advance(db, index, last)
    if pks:
        add_entries(db, index, pks)
    return True
