"""Structured answers are valid against the schema that the caller sent."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field

from omoide.core.errors import Unprocessable
from omoide.reasoner.output_schema import check
from omoide.reasoner.schema_coercion import SchemaCoercion

STRING, INTEGER, NULL = {"type": "string"}, {"type": "integer"}, {"type": "null"}


def of(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def conformed(value: Any, schema: dict[str, Any]) -> Any:
    check(schema)
    Draft202012Validator.check_schema(schema)
    found = SchemaCoercion(schema).conformed(value)
    Draft202012Validator(schema).validate(found)
    return found


@pytest.mark.parametrize(
    "node",
    [
        STRING,
        {"type": "number"},
        INTEGER,
        {"type": "boolean"},
        {"type": "array", "items": STRING, "minItems": 1},
        of("b", b=INTEGER),
        {"enum": ["x", 1, True]},
        {"const": "x"},
        {"anyOf": [STRING, INTEGER]},
        {"oneOf": [STRING, of(b=STRING)]},
        {"$ref": "#/$defs/text"},
        {"type": ["string", "integer"]},
    ],
)
def test_an_optional_non_nullable_property_is_omitted(node: dict[str, Any]) -> None:
    schema = of("name", name=STRING, a=node) | {"$defs": {"text": STRING}}
    assert conformed({"name": "Alice", "a": None}, schema) == {"name": "Alice"}


@pytest.mark.parametrize(
    "node", [NULL, {"type": ["string", "null"]}, {"anyOf": [STRING, NULL]}, {"enum": ["x", None]}, {}]
)
def test_a_nullable_property_stays_null(node: dict[str, Any]) -> None:
    assert conformed({"a": None}, of(a=node)) == {"a": None}
    assert conformed({"a": None}, of("a", a=node)) == {"a": None}


CASES: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "a default": ({"a": None}, of(a=INTEGER | {"default": 5}), {"a": 5}),
    "a default that is not valid": ({"a": None}, of(a=INTEGER | {"default": "x"}), {}),
    "inside an object": ({"a": {"b": None}}, of("a", a=of(b=STRING)), {"a": {}}),
    "inside a list": (
        {"a": [{"b": None, "c": "x"}]},
        of(a={"type": "array", "items": of(b=STRING, c=STRING)}),
        {"a": [{"c": "x"}]},
    ),
    "inside a branch": ({"a": {"b": None}}, of(a={"anyOf": [of(b=STRING), NULL]}), {"a": {}}),
    "an object that lacks what it must have": ({"a": {"b": None}}, of(a=of("b", b=STRING)), {}),
    "an item that is not valid": (
        {"a": ["x", ""]},
        of(a={"type": "array", "items": STRING | {"minLength": 1}}),
        {"a": ["x"]},
    ),
    "a text that is too short": ({"a": ""}, of(a=STRING | {"minLength": 1}), {}),
    "a text in the wrong format": ({"a": "soon"}, of(a=STRING | {"format": "date"}), {}),
    "a text in the wrong pattern": ({"a": "soon"}, of(a=STRING | {"pattern": "^[0-9]+$"}), {}),
    "a wish that null avoids": ({"a": ""}, of("a", a={"type": ["string", "null"], "minLength": 1}), {"a": None}),
}


@pytest.mark.parametrize(("value", "schema", "expected"), [*CASES.values()], ids=[*CASES])
def test_invalid_parts_are_replaced_or_removed(value: Any, schema: dict[str, Any], expected: Any) -> None:
    assert conformed(value, schema) == expected


@pytest.mark.parametrize("node", [STRING | {"minLength": 1}, STRING | {"format": "date"}, {"enum": ["x"]}])
def test_an_invalid_required_property_raises_value_error(node: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a: "):
        SchemaCoercion(of("a", a=node)).conformed({"a": ""})


@pytest.mark.parametrize("wish", [{"pattern": "("}, {"minLength": "no"}, {"format": 7}, {"format": "odd"}])
def test_unsupported_constraints_are_ignored(wish: dict[str, Any]) -> None:
    assert SchemaCoercion(of(a=STRING | wish, b=STRING)).conformed({"a": "x", "b": None}) == {"a": "x"}


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Pet(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    kind: Literal["dog", "cat"] | None = None


class Person(BaseModel):
    name: str
    nickname: str = ""
    age: int | None = None
    born: date | None = None
    mood: Mood = Mood.GOOD
    pets: list[Pet] = Field(default_factory=list)
    main_pet: Pet | None = None


def test_a_pydantic_model_parses_its_answer() -> None:
    empty = dict.fromkeys(Person.model_fields) | {"name": "", "pets": []}
    found = conformed(empty, Person.model_json_schema())
    assert Person.model_validate(found, strict=False) == Person(name="")


NAMES = st.sampled_from(["a", "b", "c", "name"])
LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from([STRING, INTEGER, NULL, {"type": "number"}, {"type": "boolean"}, {}, {"type": ["string", "null"]}]),
    st.sampled_from([{"enum": ["x", 1, None]}, {"enum": ["x"]}, {"const": 2}, {"$ref": "#/$defs/shared"}]),
    st.builds(lambda least: STRING | {"minLength": least}, st.integers(0, 3)),
    st.builds(lambda least: INTEGER | {"minimum": least, "default": least}, st.integers(-1, 3)),
)


def _above(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    objects = st.builds(
        lambda properties, required: of(*(name for name in properties if name in required), **properties),
        st.dictionaries(NAMES, inner, max_size=3),
        st.sets(NAMES),
    )
    lists = st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 1)
    )
    choices = st.builds(
        lambda key, branches: {key: branches},
        st.sampled_from(["anyOf", "oneOf"]),
        st.lists(inner, min_size=1, max_size=3),
    )
    return objects | lists | choices


NODES = st.recursive(LEAVES, _above, max_leaves=6)
SCHEMAS = st.builds(
    lambda properties, required: (
        of(*(name for name in properties if name in required), **properties) | {"$defs": {"shared": STRING}}
    ),
    st.dictionaries(NAMES, NODES, max_size=4),
    st.sets(NAMES),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "long text"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(SCHEMAS, st.dictionaries(NAMES, VALUES))
def test_any_value_becomes_valid_or_raises_value_error(schema: dict[str, Any], value: dict[str, Any]) -> None:
    try:
        check(schema)
        found = SchemaCoercion(schema).conformed({name: value[name] for name in value if name in schema["properties"]})
    except (Unprocessable, ValueError):
        return
    Draft202012Validator(schema).validate(found)
