"""Supported JSON Schemas of structured answers, and their normal form."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from omoide.core.errors import Unprocessable
from omoide.reasoner.output_schema import MOST_DEPTH, MOST_NODES, check, enforced, permits_null, resolved

STRING = {"type": "string"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def nested(depth: int) -> dict[str, Any]:
    """Return a schema of the given nesting depth."""
    node: dict[str, Any] = dict(STRING)
    for _ in range(depth - 1):
        node = of(inner=node)
    return node


REFUSED = [
    ({"type": "string"}, "root must be an object"),
    ({"type": "array", "items": STRING}, "root must be an object"),
    ({"type": ["object", "null"], "properties": {}}, "root must be an object"),
    ({}, "root must be an object"),
    ({"anyOf": [of(a=STRING)]}, "root must be an object"),
    ({"type": "object", "allOf": [of(a=STRING)]}, "allOf at the root"),
    (of(a={"not": STRING}), "not at the root.a"),
    (of(a={"if": STRING, "then": STRING, "else": STRING}), "at the root.a is not supported"),
    ({"type": "object", "patternProperties": {"^a": STRING}}, "patternProperties"),
    (of(a={"type": "array", "prefixItems": [STRING]}), "prefixItems"),
    (of(a=of(b=STRING) | {"$defs": {"x": STRING}}), "definitions at the root.a"),
    ({"type": "object", "properties": {}, "additionalProperties": STRING}, "additionalProperties"),
    (of(a=True), "the root.a must be a schema object"),
    (of(a={"type": "array", "items": False}), "the root.a.items must be a schema object"),
    (of(a={"type": "array", "items": [STRING]}), "the root.a.items must be a schema object"),
    (of(a={"$ref": "#/$defs/a"}) | {"$defs": {"a": of(a={"$ref": "#/$defs/a"})}}, "recursion"),
    (of(a={"$ref": "#/$defs/a"}) | {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "recursion"),
    (of(a={"$ref": "#"}), "not among the definitions"),
    (of(a={"$ref": "#/$defs/b"}), "not among the definitions"),
    (of(a={"$ref": "https://example.org/schema"}), "not among the definitions"),
    (of(a={"$ref": 7}), "not among the definitions"),
    (of(a=STRING) | {"$defs": {"unused": {"not": STRING}}}, "not at $defs.unused"),
    (nested(MOST_DEPTH + 1), "deep"),
    (of(**{f"p{number}": STRING for number in range(MOST_NODES)}), "more than 500"),
    (of(a={"type": "text"}), "type at the root.a"),
    (of(a={"type": []}), "type at the root.a"),
    (of(a={"enum": []}), "enum at the root.a"),
    (of(a={"enum": [1.5]}), "enum at the root.a"),
    (of(a={"enum": [{}]}), "enum at the root.a"),
    (of(a={"anyOf": []}), "anyOf at the root.a"),
    (of(a={"anyOf": STRING}), "anyOf at the root.a"),
    ({"type": "object", "properties": [STRING]}, "properties at the root"),
    (of(a=STRING) | {"required": "a"}, "required at the root"),
    (of(a=STRING) | {"required": ["b"]}, "not among its properties"),
]


@pytest.mark.parametrize(("schema", "why"), REFUSED)
def test_an_unsupported_schema_is_refused_with_the_reason(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        check(schema)
    assert refused.value.detail.startswith("Invalid response_format: ")
    assert why in refused.value.detail


ADMITTED = [
    {"type": "object"},
    of(a=STRING, b={"type": "number"}, c={"type": "integer"}, d={"type": "boolean"}, e={"type": "null"}),
    of(a={"enum": ["x", 1, True, None]}),
    of(a={"const": "x"}),
    of(a={"type": ["string", "null"]}),
    of(a={"anyOf": [STRING, {"type": "null"}]}, b={"oneOf": [STRING, {"type": "integer"}]}),
    of(a={"type": "array", "items": of(b=STRING)}),
    of(a={}),
    of(a=STRING | {"minLength": 3, "pattern": "(", "format": "whatever", "default": "abc"}),
    of(a=STRING)
    | {"additionalProperties": False, "title": "T", "$schema": "https://json-schema.org/draft/2020-12/schema"},
    {"$ref": "#/$defs/a", "$defs": {"a": of(b=STRING)}},
    {"$ref": "#/definitions/a", "definitions": {"a": of(b={"$ref": "#/definitions/b"}), "b": STRING}},
    of(a={"$ref": "#/$defs/a~1b"}, b={"$ref": "#/$defs/a~1b"}) | {"$defs": {"a/b": STRING}},
    of(allOf=STRING, properties=STRING, **{"$defs": STRING, "not": STRING}),
    nested(MOST_DEPTH),
    of(**{f"p{number}": STRING for number in range(MOST_NODES - 1)}),
]


@pytest.mark.parametrize("schema", ADMITTED)
def test_a_supported_schema_is_accepted(schema: dict[str, Any]) -> None:
    check(schema)


class OwnedPet(BaseModel):
    name: str
    species: Literal["dog", "cat"]


class Owner(BaseModel):
    name: str
    age: int | None = None
    pets: list[OwnedPet] = Field(default_factory=list)
    mood: Literal["good", "bad"] = "good"


def test_the_schema_of_a_pydantic_model_is_accepted() -> None:
    check(Owner.model_json_schema())


def test_references_are_inlined_and_sibling_keywords_win() -> None:
    schema = of(a={"$ref": "#/$defs/a", "description": "ours"}) | {
        "$defs": {"a": STRING | {"description": "theirs"}},
        "required": ["a"],
    }
    assert resolved(schema)["properties"]["a"] == STRING | {"description": "ours"}
    assert "$defs" not in resolved(schema)


def test_one_definition_may_be_used_twice() -> None:
    schema = of(a={"$ref": "#/$defs/a"}, b={"$ref": "#/$defs/a"}) | {"$defs": {"a": of(c=STRING)}}
    check(schema)


def test_a_definition_counts_each_time_it_is_used() -> None:
    doubling = {
        f"d{level}": of(a={"$ref": f"#/$defs/d{level + 1}"}, b={"$ref": f"#/$defs/d{level + 1}"}) for level in range(12)
    }
    with pytest.raises(Unprocessable, match="more than 500"):
        check(of(a={"$ref": "#/$defs/d0"}) | {"$defs": doubling | {"d12": STRING}})


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (STRING, {"type": ["string", "null"], "default": None}),
        ({"enum": ["x"]}, {"enum": ["x", None], "default": None}),
        ({"type": "string", "const": "x"}, {"type": ["string", "null"], "enum": ["x", None], "default": None}),
        ({"anyOf": [STRING]}, {"anyOf": [STRING, {"type": "null"}], "default": None}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"], "default": None}),
        ({"type": "integer", "default": 5}, {"type": ["integer", "null"], "default": 5}),
        ({"type": "array", "items": STRING}, {"type": ["array", "null"], "items": STRING, "default": []}),
        ({}, {"default": None}),
    ],
)
def test_an_optional_property_is_nullable_and_has_a_default(node: dict[str, Any], expected: object) -> None:
    assert resolved(of(a=node))["properties"]["a"] == expected


def test_a_required_property_is_unchanged() -> None:
    assert resolved(of(a=STRING) | {"required": ["a"]})["properties"]["a"] == STRING


def test_the_normal_form_forbids_additional_properties() -> None:
    assert resolved(of(a=STRING) | {"additionalProperties": True})["additionalProperties"] is False


def test_optional_constraints_are_kept_but_not_enforced() -> None:
    node = resolved(of(a=STRING | {"maxLength": 3, "pattern": "("}) | {"required": ["a"]})
    assert node["properties"]["a"]["maxLength"] == 3
    assert enforced(node)["properties"]["a"] == STRING


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({}, True),
        ({"type": "null"}, True),
        (STRING, False),
        ({"enum": ["x", None]}, True),
        ({"type": "string", "enum": ["x", None]}, False),
        ({"anyOf": [STRING, {"type": "null"}]}, True),
        ({"anyOf": [STRING]}, False),
    ],
)
def test_nullability_depends_on_type_enum_and_branches(node: dict[str, Any], expected: bool) -> None:
    assert permits_null(node) is expected


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_KEYWORDS = """
type properties required items enum const anyOf oneOf allOf $ref $defs definitions additionalProperties default
description title not minLength format
"""
KEYWORDS = st.sampled_from(_KEYWORDS.split())
ANYTHING = st.recursive(
    SCALARS | st.sampled_from(["object", "string", "array", "integer", "#/$defs/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS | st.text(max_size=3), inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None)
@given(st.dictionaries(KEYWORDS, ANYTHING, max_size=5), st.booleans())
def test_any_schema_is_accepted_or_refused(schema: dict[str, Any], is_object: bool) -> None:
    if is_object:
        schema["type"] = "object"
    try:
        check(schema)
    except Unprocessable as refused:
        assert refused.detail.startswith("Invalid response_format: ")  # noqa: PT017
