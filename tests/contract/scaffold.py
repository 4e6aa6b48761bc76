"""Add new operations to the contract tests: `python -m tests.contract.scaffold`, which `make regenerate` runs.

An operation of openapi.yaml without a row in the access matrix (test_access.py) gets one, computed from its roles, and
a call in the story (test_operations.py), made of the document's examples. Both are drafts to be checked in the diff.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

from omoide.contract.document import OperationSpec
from omoide.core.auth import Principal, permits
from tests.contract import test_access, test_operations
from tests.contract.conformance import OPERATIONS
from tests.contract.requests import example_with_ids, query_of
from tests.contract.test_access import IDS, KEYS, ROWS, TABLE

MEMBERS = {"p", "q", "back"}
"""Peers that are in the path's session, as test_access.py arranges it."""
DECIDED_BY_HANDLER = {"named", "asked"}
MARKER = "    # New operations: "
STORY_PATHS = {
    "/v3/workspaces/{workspace_id}/sessions/{session_id}": "{s}",
    "/v3/workspaces/{workspace_id}": "{ws}",
    "{peer_id}": "alice",
    "{scope_id}": "th",
    "{message_id}": "{message['id']}",
}
STORY_IDS = {r"session(_ids?|s)?": "s", r"scope(_ids?|s)?": "th"}
"""Patterns of field names, and the ids that the story has for them."""


def roles_of(operation: OperationSpec) -> frozenset[str] | None:
    """The roles that may call the operation, None if it needs no key."""
    return next((frozenset(requirement["HTTPBearer"]) for requirement in operation.raw["security"]), None)


def may_call(operation: OperationSpec, principal: Principal | None) -> bool:
    """Whether the operation's roles admit the key, on the path of test_access.py."""
    roles = roles_of(operation)
    if roles is None or principal is None:
        return roles is None
    path = {name: IDS.get(name, "none") for name in re.findall(r"{(\w+)}", operation.path)}
    admitted = permits(principal, roles, path)
    return principal.peer in MEMBERS if admitted is None else admitted


def row(operation: OperationSpec) -> str:
    """The operation's line in the access matrix."""
    header, first = TABLE.strip("\n").splitlines()[:2]
    line = [*operation.handler.ljust(len(first))]
    for name, mark in zip(header.split(), re.finditer("[✔·]", first), strict=True):
        line[mark.start()] = "✔" if may_call(operation, KEYS[name]) else "·"
    return "".join(line)


def story_id(name: str) -> str | None:
    """The id for a field of an example; None to keep the example's value."""
    return next((id for pattern, id in STORY_IDS.items() if re.fullmatch(pattern, name)), None)


def call(operation: OperationSpec) -> str:
    """The operation's line in the story."""
    path = operation.path
    for old, new in STORY_PATHS.items():
        path = path.replace(old, new)
    path += f"?{urlencode(query_of(operation))}" if query_of(operation) else ""
    path = f'f"{path}"' if "{" in path else f'"{path}"'
    body = [repr(example_with_ids(operation, story_id)["json"])] if operation.body else []
    status = [] if 200 in operation.returned() else [f"status={next(iter(operation.returned()))}"]
    return f'    call("{operation.method.upper()}", {", ".join([path, *body, *status])})'


def with_rows(text: str, new: list[OperationSpec]) -> str:
    """The text of test_access.py with a row for each new operation, below that of the operation before it."""
    handlers = [*OPERATIONS]
    for operation in new:
        # Deletions come last in the matrix, because they end what other rows use.
        before = [name for name in handlers[: handlers.index(operation.handler)] if OPERATIONS[name].method != "delete"]
        rows = [f"\n{name} " for name in before if f"\n{name} " in text]
        end = text.index("\n", text.index(rows[-1] if rows else TABLE.splitlines()[1]) + 1) + 1
        text = f"{text[:end]}{row(operation)}\n{text[end:]}"
    return text


def with_calls(text: str, new: list[OperationSpec]) -> str:
    """The text of test_operations.py with a call of each new operation above the marker."""
    calls = "".join(f"{call(operation)}\n" for operation in new)
    return text.replace(MARKER, f"{calls}{MARKER}", 1)


def main() -> None:
    new = [operation for name, operation in OPERATIONS.items() if name not in ROWS]
    if not new:
        return
    access, story = (Path(str(module.__file__)) for module in (test_access, test_operations))
    access.write_text(with_rows(access.read_text(), new))
    story.write_text(with_calls(story.read_text(), new))
    subprocess.run([Path(sys.executable).with_name("ruff"), "format", "--quiet", story], check=True)
    for operation in new:
        print(
            f"scaffolded tests/contract: a row in test_access.py and a call in test_operations.py: {operation.handler}"
        )
        if (roles_of(operation) or frozenset()) & DECIDED_BY_HANDLER:
            print(f"  the handler of {operation.handler} decides about some keys: correct its row")


if __name__ == "__main__":
    main()
