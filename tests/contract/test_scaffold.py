"""What `make regenerate` adds to the contract tests fits what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from omoide.contract.document import OperationSpec
from tests.contract import test_access, test_operations
from tests.contract.conformance import OPERATIONS
from tests.contract.scaffold import DECIDED_BY_HANDLER, call, roles_of, row, with_calls, with_rows

ACCESS, STORY = (Path(str(module.__file__)).read_text() for module in (test_access, test_operations))
BY_ROLES = [each for each in OPERATIONS.values() if not (roles_of(each) or frozenset()) & DECIDED_BY_HANDLER]


@pytest.mark.parametrize("operation", BY_ROLES, ids=lambda operation: operation.handler)
def test_a_row_is_what_the_matrix_has(operation: OperationSpec) -> None:
    assert row(operation) in test_access.TABLE.splitlines()


def test_a_row_is_added_where_it_was() -> None:
    lines = ACCESS.splitlines(keepends=True)
    without = "".join(line for line in lines if not line.startswith("get_message "))
    assert with_rows(without, [OPERATIONS["get_message"]]) == ACCESS


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("health_check", '    call("GET", "/health")'),
        ("get_peer_config", '    call("GET", f"{s}/peers/alice/config")'),
        ("update_message", "    call(\"PUT\", f\"{s}/messages/{message['id']}\", {'metadata': {'reviewed': True}})"),
        ("delete_workspace", '    call("DELETE", f"{ws}", status=202)'),
        ("get_scope_sessions", '    call("POST", f"{ws}/scopes/th/sessions/list")'),
        (
            "add_sessions_to_scope",
            "    call(\"POST\", f\"{ws}/scopes/th/sessions\", {'session_ids': ['s']}, status=204)",
        ),
    ],
)
def test_a_call_is_made_of_the_documents_examples(name: str, line: str) -> None:
    assert call(OPERATIONS[name]) == line


def test_calls_are_added_above_the_marker() -> None:
    text = with_calls(STORY, [OPERATIONS["health_check"], OPERATIONS["get_peer_config"]])
    added = [line for line in text.splitlines() if line not in STORY.splitlines()]
    assert added == ['    call("GET", "/health")']
    compile(text, "story", "exec")
