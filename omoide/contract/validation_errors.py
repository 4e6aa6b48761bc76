"""Describe validation errors in FastAPI's format. Pure.

JSON Schema decides whether a body is valid. Pydantic only explains a refusal, because its errors already have that
format. If it finds no fault (it would have coerced the value), its strict mode and then JSON Schema's errors are used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jsonschema_rs import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from omoide.contract.errors import Fault

INPUT_TEXT_LIMIT = 200
"""Characters of an invalid text, and items of an invalid container, that are echoed."""

MOST_FAULTS = 1_000
"""Maximum number of faults listed."""


def explain(value: Any, adapter: TypeAdapter[Any], gate: Draft202012Validator | None, *, at: str) -> list[Fault]:
    """The faults of a value that the validator `gate` refused; never empty.

    Without `gate`, which takes seconds for a large value, a fault that only JSON Schema finds is not described.
    """
    for strict in (False, True):
        try:
            adapter.validate_python(value, strict=strict)
        except ValidationError as error:
            return of_pydantic(error, at=at)
    if gate is None:
        return [{"type": "value_error", "loc": [at], "msg": "Value error, the value does not match the schema"}]
    return [
        {
            "type": str(error.kind.name),
            "loc": [at, *error.instance_path],
            "msg": shortened(error.message),  # which repeats the value
            "input": shortened(error.instance),
        }
        for error in gate.iter_errors(value)
    ]


def of_pydantic(error: ValidationError, *, at: str) -> list[Fault]:
    """Pydantic's errors as faults, with `at` (`body`, `query`, …) prefixed to their locations."""
    if (count := error.error_count()) > MOST_FAULTS:
        return [{"type": "value_error", "loc": [at], "msg": f"Value error, there are {count} faults, too many to list"}]
    return [_fault(detail, (at, *detail["loc"])) for detail in error.errors(include_url=False)]


def _fault(detail: Any, loc: Iterable[str | int]) -> Fault:
    fault = {"type": detail["type"], "loc": [*loc], "msg": detail["msg"], "input": shortened(detail.get("input"))}
    if context := detail.get("ctx"):
        fault["ctx"] = {key: {} if isinstance(value, Exception) else value for key, value in context.items()}
    return fault


def missing(loc: Iterable[str], enclosing: Any = None) -> Fault:
    return {"type": "missing", "loc": [*loc], "msg": "Field required", "input": shortened(enclosing)}


def shortened(value: Any) -> Any:
    """Truncate a value for an error message."""
    if isinstance(value, str) and len(value) > INPUT_TEXT_LIMIT:
        return value[:INPUT_TEXT_LIMIT] + "…"
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, dict | list) and _size(value) > INPUT_TEXT_LIMIT:
        return f"({type(value).__name__} with {len(value)} items)"
    return value


def _size(value: Any) -> int:
    """Characters and values in a container. Stops counting above `INPUT_TEXT_LIMIT`."""
    total, stack = 0, [value]
    while stack and total <= INPUT_TEXT_LIMIT:
        item = stack.pop()
        total += len(item) if isinstance(item, str) else 1
        if isinstance(item, dict):
            stack += [*item.keys(), *item.values()][: INPUT_TEXT_LIMIT + 1]
        elif isinstance(item, list):
            stack += item[: INPUT_TEXT_LIMIT + 1]
    return total
