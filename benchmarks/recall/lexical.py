"""The lexical baseline: SQLite FTS5 with porter stemming, all words of the question OR-ed, ranked by bm25.

The server's search has to beat it, and it shows that the data set is hard enough. Run
`python -m benchmarks.recall.lexical` from the repository root for the table.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.recall.dataset import KINDS, RecallQuestion, RecallTurn, conversations, questions

DEPTHS = (5, 10, 20)
WORD = re.compile(r"\w+")
NEVER_FOUND = 1_000_000


def index(turns: Iterable[RecallTurn]) -> sqlite3.Connection:
    """An in-memory FTS5 table of `peer: content`, one row for each turn, in order."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE turn USING fts5(id UNINDEXED, text, tokenize='porter unicode61')")
    db.executemany("INSERT INTO turn VALUES (?, ?)", ((turn.id, f"{turn.peer}: {turn.content}") for turn in turns))
    return db


def search(db: sqlite3.Connection, question: str, limit: int) -> list[str]:
    """The ids of at most `limit` turns that share a word with the question, best bm25 first, ties oldest first."""
    match = " OR ".join(f'"{word}"' for word in WORD.findall(question))
    rows = db.execute("SELECT id FROM turn WHERE turn MATCH ? ORDER BY rank, rowid LIMIT ?", (match, limit))
    return [row[0] for row in rows]


def evidence_ranks(found: Sequence[str], evidence: Iterable[str]) -> list[int]:
    """The 1-based rank of each evidence turn in `found`; `NEVER_FOUND` for a missing one."""
    place = {turn: rank for rank, turn in enumerate(found, start=1)}
    return [place.get(turn, NEVER_FOUND) for turn in evidence]


def hit_rate(ranks: Sequence[Sequence[int]], depth: int) -> float:
    """The share of questions with at least one evidence turn in the first `depth`; 0.0 to 1.0."""
    return sum(min(of_one) <= depth for of_one in ranks) / len(ranks)


def evidence_recall(ranks: Sequence[Sequence[int]], depth: int) -> float:
    """The share of evidence turns in the first `depth`, averaged over questions; 0.0 to 1.0."""
    return sum(sum(rank <= depth for rank in of_one) / len(of_one) for of_one in ranks) / len(ranks)


def baseline(turns: Mapping[str, list[RecallTurn]], asked: Iterable[RecallQuestion]) -> list[list[int]]:
    """The evidence ranks of each question, searched in its own conversation up to the greatest of `DEPTHS`."""
    tables = {name: index(of_one) for name, of_one in turns.items()}
    try:
        return [
            evidence_ranks(search(tables[one.conversation], one.question, max(DEPTHS)), one.evidence) for one in asked
        ]
    finally:
        for db in tables.values():
            db.close()


def report() -> str:
    """A table of hit rate and evidence recall by kind and for all questions."""
    asked = questions()
    ranks = baseline(conversations(), asked)
    lines = ["kind        asked  " + "  ".join(f"hit@{depth:<3} rec@{depth:<3}" for depth in DEPTHS)]
    for kind in (*KINDS, "all"):
        of_kind = [found for one, found in zip(asked, ranks, strict=True) if kind in (one.kind, "all")]
        cells = (f"{hit_rate(of_kind, depth):.3f}   {evidence_recall(of_kind, depth):.3f}  " for depth in DEPTHS)
        lines.append(f"{kind:<11} {len(of_kind):>5}  " + "  ".join(cells))
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
