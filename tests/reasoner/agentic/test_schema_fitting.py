from __future__ import annotations

from typing import Any

import pytest

from omoide.reasoner.agentic.schema_fitting import Shape
from omoide.reasoner.output_schema import resolved

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "pet": {"anyOf": [{"$ref": "#/$defs/dog"}, {"$ref": "#/$defs/cat"}]},
        "mood": {"enum": ["good", "bad"], "default": "good"},
    },
    "required": ["name", "pet"],
    "$defs": {
        "dog": {"type": "object", "properties": {"barks": {"type": "boolean"}}, "required": ["barks"]},
        "cat": {"type": "object", "properties": {"purrs": {"type": "boolean"}}, "required": ["purrs"]},
    },
}
SHAPE = Shape(resolved(SCHEMA))


def test_unknown_keys_are_dropped_and_defaults_filled_in() -> None:
    given = {"name": "Rex", "pet": {"purrs": True, "x": 1}, "y": 2}
    assert SHAPE.fitted(given) == {"name": "Rex", "age": None, "pet": {"purrs": True}, "mood": "good"}


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        "Rex",
        {"pet": {"barks": True}},
        {"name": 7, "pet": {"barks": True}},
        {"name": "Rex", "pet": {"moos": True}},
        {"name": "Rex", "pet": {"barks": True}, "mood": "odd"},
    ],
)
def test_an_invalid_value_raises_value_error(given: Any) -> None:
    with pytest.raises(ValueError, match=r".+: .+"):
        SHAPE.fitted(given)
