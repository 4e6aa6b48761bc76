"""Print the statements of `omoide/storage` but `sqlite/` as PostgreSQL would get them: a JSON list of [place, SQL].

Run as a process of its own, because the modules compose their statements from the dialect when they are loaded. A
statement is a string in the source that begins with an SQL verb; what is only known when it runs is taken from `GIVEN`.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

STORAGE = Path(__file__).parents[2] / "omoide" / "storage"
VERBS = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "CREATE ", "DROP ", "ALTER ", "PRAGMA ", "REPLACE ")

GIVEN = {
    "source": "messages",
    "table": "messages",
    "VECTORS[source]": "message_vectors",
    "order": "DESC",
    "ordering": "m.pk",
    "columns": "pk",
    "count": "message_count",
    "of_share": "workspace = :workspace",
    "without_index(of_share)": "workspace = :workspace",
    "key": "peer",
    "name": "session",
    "given": "due_at = ?",
    "condition": "workspace = ?",
    "restriction": "AND level = ?",
    "restrictions": " AND workspace = :workspace",
    "joined": "",
    "'WHERE' if restrictions else ''": "WHERE",
    "' AND '.join(restrictions)": "session = :session",
    "large.column": "metadata",
    "large.table": "peers",
    "large.key": "pk",
    "_TO_CHANGE if to_change else ''": "FOR UPDATE OF c, obr",
    "within": "AND s.workspace = ?",
    "within.sql": "TRUE",
    "visible.sql": "TRUE",
    "holds": "m.content ILIKE ?",
    "chosen": "SELECT peer FROM members",
    "keepers": "SELECT observer FROM cards",
    "dreamers": "SELECT observer FROM dreams",
    "peers": "SELECT pk FROM peers",
    "forgotten": "SELECT pk FROM jobs",
    "expired": "SELECT session, key FROM receipts",
    "into": "stays (session, peer, first)",
    "', '.join([row] * count)": "(?, ?, ?)",
    "listing.columns": "m.pk",
    "listing.source": "FROM messages m",
    "marks": "?, ?",
    "', '.join('?' * count)": "?, ?",
    "now_only": "OR p.kind = 'peer'",
    "ending": "ORDER BY c.pk",
    "rows:ending": "ON CONFLICT DO NOTHING",
    "sql": " AND c.pk = ?",
    "from_pair": "FROM conclusions c, peers obr, peers obd, sessions s WHERE TRUE",
    "of_peer": "workspace = ?",
    "query": "SELECT c.created_at AS at, c.level AS kind FROM conclusions c",
    "peer_purge:column": "observer",
    "purge:column": "observer",
    "observed": "JOIN peers o ON o.pk = c.observer AND o.id = ?",
    "conclusion_search:sql": "FROM conclusions c, peers obr, peers obd, sessions s WHERE TRUE",
    "message_search:sql": "FROM messages m, (SELECT 1 AS key) wanted WHERE m.workspace = ?",
    "message_search:source": "FROM messages m",
    "memory_queries:sql": "FROM messages m JOIN messages wanted ON wanted.pk = m.pk",
    "row_mapping:table": "stays",
    "row_mapping:', '.join(columns)": "session, peer",
    "', '.join('?' * len(columns))": "?, ?",
    "selected": "m.pk",
    "_source(kind)": "FROM messages m",
    "kind.order": "m.pk",
    "contents:source": "messages",
    "message_search:selected": "m.workspace = ?",
    "last": "SELECT max(pk) FROM workspaces",
    "purged": "SELECT max(pk) FROM jobs",
    "purge_jobs:table": "sessions",
    "message_scope:sql": "FROM messages m WHERE TRUE",
    "embeddings:source": "messages",
    "embeddings:columns": "pk, session",
    "embeddings:rows": "SELECT workspace, pk, session FROM messages",
    "message_copy:columns": "id",
    "about": "AND workspace = :workspace",
    "model_usage:table": "model_usage",
    "', '.join(named)": "task, calls",
    "', '.join('?' * len(named))": "?, ?",
    "', '.join(key)": "task",
    "added": "calls = model_usage.calls + excluded.calls",
    "sums": "sum(calls)",
    "vector_segments:first": "session",
    "vector_segments:second": "peer",
    "vector_segments:owners": "SELECT workspace FROM messages",
    "vector_segments:whole": "size > 0",
    "waiting_units:restrictions": " AND workspace IN (SELECT pk FROM workspaces WHERE id = :workspace)",
    "waiting_units:about": "AND key = :observed",
}
"""Local expression → a value it may have; with the name of a module for this module only."""


def main() -> None:
    os.environ["OMOIDE_DB"] = "postgresql://never.connected"
    json.dump([*_statements()], sys.stdout)


def _statements() -> Iterator[tuple[str, str]]:
    for path in sorted([*STORAGE.glob("*.py"), *STORAGE.glob("export/*.py")]):
        if path.stem in ("__init__", "base", "dialect", "engine"):
            continue
        module = importlib.import_module(".".join(path.relative_to(STORAGE.parents[1]).with_suffix("").parts))
        tree = ast.parse(path.read_text())
        # Parts of other strings, and strings that are statements of Python: docstrings.
        inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
        inside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts: list[ast.expr] = node.values
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
                parts = [node]
            else:
                continue
            if isinstance(parts[0], ast.Constant) and str(parts[0].value).lstrip().startswith(VERBS):
                yield f"{path.name}:{node.lineno}", "".join(_text(part, module) for part in parts)


def _text(part: ast.expr, module: ModuleType) -> str:
    if not isinstance(part, ast.FormattedValue):
        return str(ast.literal_eval(part))
    expression, name = ast.unparse(part.value), module.__name__.rpartition(".")[2]
    for known in (f"{name}:{expression}", expression):
        if known in GIVEN:
            return GIVEN[known]
    return str(eval(expression, vars(module), GIVEN))  # our own source


if __name__ == "__main__":
    main()
