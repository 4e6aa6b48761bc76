"""openapi.yaml contains everything that clients of the Honcho v3 API may rely on.

surface.yaml in this folder has that API without texts: every operation with its parameters, bodies and responses, and
every schema. Our document may have and accept more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from omoide.contract.document import OperationSpec, target
from tests.contract.conformance import DOCUMENT

Schema = Mapping[str, Any]

SURFACE = yaml.load((Path(__file__).parent / "surface.yaml").read_text(), yaml.CSafeLoader)
OURS = {(operation.method, operation.path): operation for operation in DOCUMENT.operations()}
CONSTRAINTS = (
    *("minLength", "maxLength", "pattern", "minimum", "maximum", "minItems", "maxItems", "uniqueItems"),
    *("format", "default", "const"),
)
_FITTING = {"integer": {"integer", "number"}}
"""Types of ours that accept all values of a type of theirs, other than the type itself."""


@dataclass(frozen=True)
class DocumentSide:
    """One of the two documents."""

    root: Schema

    def followed(self, schema: Schema) -> Schema:
        """The schema with references resolved, including the keywords next to them, and with the parts of `allOf`."""
        while "$ref" in schema:
            siblings = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**target(self.root, schema["$ref"]), **siblings}
        parts = [*map(self.followed, schema.get("allOf", ()))]
        if not parts:
            return schema
        required = [name for part in parts for name in part.get("required", ())]
        properties = {name: each for part in parts for name, each in part.get("properties", {}).items()}
        return {**parts[0], "required": required, "properties": properties}

    def forms(self, schema: Schema) -> list[Schema]:
        """The schema split into one for each alternative and type."""
        schema = self.followed(schema)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                siblings = {key: value for key, value in schema.items() if key != word}
                return [form for part in schema[word] for form in self.forms({**siblings, **self.followed(part)})]
        types = schema.get("type")
        return [{**schema, "type": each} for each in types] if isinstance(types, list) else [schema]


THEIRS, MINE = DocumentSide(SURFACE), DocumentSide(DOCUMENT.raw)


def missing(place: str, theirs: Schema, mine: Schema, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """What a schema of theirs allows and ours does not. `seen`: references followed so far, for recursive schemas."""
    if theirs.get("$ref") in seen:
        return
    seen |= {theirs.get("$ref", "")}
    for form in THEIRS.forms(theirs):
        fitting = [each for each in MINE.forms(mine) if _fits(form.get("type"), each.get("type"))]
        if fitting:
            yield from min(([*_missing_in_form(place, form, each, seen)] for each in fitting), key=len)
        else:
            yield f"{place}: no {form['type']}"


def _fits(theirs: str | None, mine: str | None) -> bool:
    return theirs is None or mine is None or mine in _FITTING.get(theirs, {theirs})


def _missing_in_form(place: str, theirs: Schema, mine: Schema, seen: frozenset[str]) -> Iterator[str]:
    if theirs.get("type") == "null":
        return
    for word in CONSTRAINTS:
        if word in theirs and theirs[word] != mine.get(word):
            yield f"{place}: {word} is {mine.get(word)} and not {theirs[word]}"
    if "enum" in theirs and not {*theirs["enum"]} <= {*mine.get("enum", theirs["enum"])}:
        yield f"{place}: enum is {mine['enum']}"
    if theirs.get("additionalProperties") is True and mine.get("additionalProperties") is False:
        yield f"{place}: closed"
    yield from (
        f"{place}/{name}: not required" for name in sorted(_names(theirs, "required") - _names(mine, "required"))
    )
    for name, schema in theirs.get("properties", {}).items():
        if name in _names(mine, "properties"):
            yield from missing(f"{place}/{name}", schema, mine["properties"][name], seen)
        else:
            yield f"{place}/{name}: missing"
    if "items" in theirs:
        yield from missing(f"{place}/items", theirs["items"], mine.get("items", {}), seen)


def _names(schema: Schema, word: str) -> set[str]:
    return set(schema.get(word, ()))


def parameters(name: str, theirs: Schema, mine: OperationSpec) -> Iterator[str]:
    ours = {(each["in"], each["name"]): each for each in mine.parameters}
    for each in theirs.get("parameters", ()):
        place = f"{name}/{each['name']}"
        found = ours.get((each["in"], each["name"]))
        if found is None:
            yield f"{place}: missing"
        elif found.get("required", False) != each["required"]:
            yield f"{place}: required is {found.get('required', False)}"
        else:
            yield from missing(place, each["schema"], found["schema"])


def body(name: str, theirs: Schema, mine: OperationSpec) -> Iterator[str]:
    if "body" not in theirs:
        return
    wanted = theirs["body"]
    content = (mine.body or {}).get("content", {})
    if wanted["media"] not in content:
        yield f"{name}/body: no {wanted['media']}"
        return
    if (mine.body or {}).get("required", False) != wanted["required"]:
        yield f"{name}/body: required is not {wanted['required']}"
    schema = content[wanted["media"]]["schema"]
    yield from missing(f"{name}/body", wanted["schema"], schema)
    if wanted.get("nullable") and not any(form.get("type") == "null" for form in MINE.forms(schema)):
        yield f"{name}/body: may not be null"


def responses(name: str, theirs: Schema, mine: OperationSpec) -> Iterator[str]:
    for code, media in theirs["responses"].items():
        if code not in mine.raw["responses"]:
            yield f"{name}/{code}: missing"
            continue
        content = DOCUMENT.resolve(mine.raw["responses"][code]).get("content", {})
        for kind, schema in media.items():
            if kind not in content:
                yield f"{name}/{code}: no {kind}"
            else:
                found = missing(f"{name}/{code}", schema, content[kind].get("schema", {}))
                # Ours may be stricter: a value that is never null.
                yield from (fault for fault in found if not fault.endswith(": no null"))


@pytest.mark.parametrize("name", SURFACE["operations"])
def test_no_operation_lacks_anything_that_clients_send_or_read(name: str) -> None:
    theirs = SURFACE["operations"][name]
    mine = OURS.get((theirs["method"], theirs["path"]))
    assert mine is not None, "the path is missing"
    assert [*parameters(name, theirs, mine), *body(name, theirs, mine), *responses(name, theirs, mine)] == []


@pytest.mark.parametrize("name", SURFACE["operations"])
def test_no_request_requires_more_than_clients_send(name: str) -> None:
    theirs = SURFACE["operations"][name]
    mine = OURS[theirs["method"], theirs["path"]]
    known = {(each["in"], each["name"]) for each in theirs.get("parameters", ())}
    for each in mine.parameters:
        assert not each.get("required") or (each["in"], each["name"]) in known, each["name"]
    if mine.body is not None:
        assert "body" in theirs or not mine.body.get("required")
        asked = MINE.followed(mine.body["content"][theirs["body"]["media"]]["schema"])
        sent = THEIRS.followed(theirs["body"]["schema"])
        assert _names(asked, "required") <= _names(sent, "required")


def test_the_comparison_detects_missing_parts() -> None:
    theirs = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "maxLength": 5}, "x": {}}}
    mine = {"type": "object", "properties": {"id": {"type": ["string", "null"], "maxLength": 6}}}
    assert [*missing("place", theirs, mine)] == [
        "place/id: not required",
        "place/id: maxLength is 6 and not 5",
        "place/x: missing",
    ]


def test_the_comparison_does_not_confuse_alternatives() -> None:
    theirs = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert [*missing("place", theirs, {"type": ["null", "string"]})] == []
    assert set(missing("place", theirs, {"type": "string"})) == {"place: no null"}


def test_the_named_level_of_the_api_is_the_one_that_is_tested() -> None:
    info = DOCUMENT.raw["info"]
    level = info["x-omoide-compatibility"]
    assert info["version"] > level["base"]
    root = Path(__file__).parents[2]
    locks = [root / "requirements.lock", root / "tests/cli_honcho/requirements.lock"]
    pinned = dict(re.findall(r"(?m)^([\w-]+)==(\S+)", "".join(lock.read_text() for lock in locks)))
    pinned |= json.loads((root / "tests/sdk_typescript/package.json").read_text())["dependencies"]
    assert level["clients"] == {name: pinned[name] for name in level["clients"]}
