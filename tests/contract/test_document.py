"""Invalid documents are refused with one message that names every location."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from omoide import generated
from omoide.asgi.app import document_path
from omoide.contract import checks
from omoide.contract.document import Document, digest
from omoide.contract.errors import BrokenDocument

GOOD: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Toys", "version": "1"},
    "paths": {
        "/toys/{toy_id}": {
            "get": {
                "tags": ["toys"],
                "operationId": "get_toy",
                "parameters": [{"name": "toy_id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "A toy.", "content": {}}},
            }
        }
    },
    "components": {"schemas": {"Toy": {"type": "object", "properties": {"name": {"type": "string"}}}}},
}
GET = ("paths", "/toys/{toy_id}", "get")


def load(folder: Path, document: object) -> Document:
    path = folder / "openapi.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False))
    return checks.load(path)


def at(document: dict[str, Any], *place: str) -> Any:
    for key in place:
        document = document[key]
    return document


Break = Callable[[dict[str, Any]], object]

SERVED = {"name": "toy", "title": "Toy", "description": "A toy."}
TOY = {"sends": "toy_id", "ids": "toy_id", "description": "Its id."}
BROKEN: dict[str, tuple[Break, str]] = {
    "a dangling reference in a component": (
        lambda d: at(d, "components", "schemas", "Toy", "properties").update(
            maker={"$ref": "#/components/schemas/Nobody"}
        ),
        "components/schemas/Toy/properties/maker: $ref to #/components/schemas/Nobody",
    ),
    "a dangling reference in a path": (
        lambda d: at(d, *GET)["parameters"].append({"$ref": "#/components/parameters/Gone"}),
        "paths//toys/{toy_id}/get/parameters/1: $ref to #/components/parameters/Gone",
    ),
    "a reference to another file": (
        lambda d: at(d, *GET)["parameters"].append({"$ref": "other.yaml#/x"}),
        "$ref to other.yaml#/x",
    ),
    "an unknown security scheme": (
        lambda d: at(d, *GET).update(security=[{"Bearer": []}]),
        "paths//toys/{toy_id}/get/security: unknown security scheme 'Bearer'",
    ),
    "an operation without a success response": (
        lambda d: at(d, *GET).update(responses={"404": {"description": "No."}}),
        "paths//toys/{toy_id}/get/responses: has no success response",
    ),
    "3.0's nullable": (
        lambda d: at(d, "components", "schemas", "Toy", "properties", "name").update(nullable=True),
        "components/schemas/Toy/properties/name: 'nullable' is OpenAPI 3.0",
    ),
    "no tag": (lambda d: at(d, *GET).pop("tags"), "paths//toys/{toy_id}/get: must have exactly one tag"),
    "two tags": (lambda d: at(d, *GET)["tags"].append("more"), "must have exactly one tag"),
    "no operationId": (lambda d: at(d, *GET).pop("operationId"), "paths//toys/{toy_id}/get: has no operationId"),
    "a type that does not exist": (
        lambda d: at(d, "components", "schemas", "Toy").update(type="thing"),
        "components/schemas/Toy",
    ),
    "a default outside its own schema": (
        lambda d: at(d, "components", "schemas", "Toy", "properties").update(size={"type": "integer", "default": "x"}),
        "components/schemas/Toy/properties/size",
    ),
    "a path parameter that is not declared": (lambda d: at(d, *GET).pop("parameters"), "toy_id"),
    "the same operationId twice": (
        lambda d: at(d, "paths").update({"/other": {"get": {**at(d, *GET), "parameters": []}}}),
        "get_toy",
    ),
    "a stray key of a schema": (
        lambda d: at(d, "components", "schemas", "Toy", "properties").update(
            yaml.safe_load("size: {type: integer, description: In metres, whole ones.}")
        ),
        "components/schemas/Toy/properties/size: unknown key 'whole ones.'",
    ),
    "a misspelt keyword of a parameter's schema": (
        lambda d: at(d, *GET)["parameters"][0]["schema"].update(maxlength=3),
        "paths//toys/{toy_id}/get/parameters/0/schema: unknown key 'maxlength'",
    ),
    "an unknown keyword deep inside": (
        lambda d: at(d, "components", "schemas", "Toy").update(
            properties={"a": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"tpye": "string"}}]}}
        ),
        "components/schemas/Toy/properties/a/anyOf/1/items: unknown key 'tpye'",
    ),
    "an unknown keyword in a response": (
        lambda d: at(d, *GET)["responses"].update(
            default={"description": "Any.", "content": {"application/json": {"schema": {"definitions": {}}}}}
        ),
        "paths//toys/{toy_id}/get/responses/default/content/application/json/schema: unknown key 'definitions'",
    ),
    "a misspelt key of a parameter": (
        lambda d: at(d, *GET)["parameters"][0].update(descripton="x"),
        "paths//toys/{toy_id}/get/parameters/0: Unevaluated properties are not allowed ('descripton' was unexpected)",
    ),
    "a misspelt key of a response": (
        lambda d: at(d, *GET)["responses"]["200"].update(haeders={}),
        "paths//toys/{toy_id}/get/responses/200: Unevaluated properties are not allowed ('haeders' was unexpected)",
    ),
    "a misspelt key of a media type": (
        lambda d: at(d, *GET)["responses"]["200"].update(content={"application/json": {"shema": {}}}),
        "get/responses/200/content/application/json: Unevaluated properties are not allowed ('shema' was unexpected)",
    ),
    "a resource whose URI does not name the path's parameters": (
        lambda d: at(d, *GET).update({"x-mcp-resource": {**SERVED, "uri": "toys://{id}"}}),
        "paths//toys/{toy_id}/get/x-mcp-resource: the variables of the uri are not the parameters of the path",
    ),
    "a resource without a title": (
        lambda d: at(d, *GET).update({"x-mcp-resource": {"name": "toy", "uri": "toys://{toy_id}"}}),
        "an x-mcp… of an operation lacks 'title'",
    ),
    "a list of ids without pages": (
        lambda d: at(d, *GET).update({"x-mcp-ids": "toy_id"}),
        "paths//toys/{toy_id}/get/x-mcp-ids: no parameter 'reverse'",
    ),
    "a prompt that completes from no list": (
        lambda d: at(d, *GET).update({"x-mcp-prompt": {**SERVED, "arguments": {"toy": TOY}}}),
        "x-mcp-prompt: no list has `x-mcp-ids: toy_id`",
    ),
    "a tool with an unknown argument": (
        lambda d: at(d, *GET).update({"x-mcp": [{**SERVED, "set": "core", "hints": {}, "parameters": {"colour": {}}}]}),
        "paths//toys/{toy_id}/get/x-mcp: no parameter 'colour'",
    ),
    "a misspelt key of an operation": (lambda d: at(d, *GET).update(respones={}), "paths//toys/{toy_id}/get"),
}


@pytest.mark.parametrize(("breaking", "place"), [*BROKEN.values()], ids=[*BROKEN])
def test_an_invalid_document_is_refused_with_the_location(breaking: Break, place: str, tmp_path: Path) -> None:
    document = copy.deepcopy(GOOD)
    breaking(document)
    with pytest.raises(BrokenDocument) as refusal:
        load(tmp_path, document)
    assert place in str(refusal.value)
    assert str(refusal.value).startswith("openapi.yaml is not a valid contract:\n")


def test_every_known_keyword_and_extension_is_accepted(tmp_path: Path) -> None:
    document = copy.deepcopy(GOOD)
    schema = {
        "type": "object",
        "properties": {"unknown": {"type": "string"}, "schema": {"const": {"unknown": 1}}},
        "x-own": {"schema": {"unknown": 1}},
        "example": {"unknown": 1, "schema": {"unknown": 1}},
        "examples": [{"unknown": 1}],
        "default": {"unknown": "x"},
        "unevaluatedProperties": False,
        "discriminator": {"propertyName": "unknown"},
        "xml": {"name": "toy"},
    }
    at(document, "components", "schemas").update(Known=schema)
    load(tmp_path, document)


def test_a_valid_document_loads(tmp_path: Path) -> None:
    assert [operation.handler for operation in load(tmp_path, GOOD).operations()] == ["get_toy"]


@pytest.mark.parametrize("text", ["a: [1, 2", "just words", "- a list"])
def test_a_document_that_is_not_a_mapping_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BrokenDocument, match=r"openapi\.yaml"):
        load(tmp_path, text)


def test_unquoted_statuses_are_read_as_strings(tmp_path: Path) -> None:
    text = yaml.safe_dump(GOOD, sort_keys=False).replace("'200'", "200")
    assert [*next(load(tmp_path, text).operations()).returned()] == [200]


def test_all_faults_of_one_kind_are_reported_together(tmp_path: Path) -> None:
    document = copy.deepcopy(GOOD)
    at(document, *GET).update(security=[{"A": []}, {"B": []}])
    with pytest.raises(BrokenDocument, match=r"(?s)'A'.*'B'"):
        load(tmp_path, document)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("async def other(context): ...", "no function 'get_toy' in handlers/toys.py"),
        ("def get_toy(context): ...", "handlers/toys.py: 'get_toy' is not async"),
        (None, "no function 'get_toy' in handlers/toys.py"),
    ],
)
def test_an_operation_without_an_async_handler_is_refused(source: str | None, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "handlers"
    folder.mkdir()
    if source:
        (folder / "toys.py").write_text(source)
    with pytest.raises(BrokenDocument) as refusal:
        checks.require_handlers(load(tmp_path, GOOD), folder)
    assert message in str(refusal.value)


def test_our_own_document_is_valid() -> None:
    assert checks.faults(Document.read(document_path())) == []


def test_the_json_copy_equals_the_document() -> None:
    assert json.loads(generated.TWIN.read_bytes()) == Document.read(document_path()).raw


def test_a_validated_document_is_read_from_its_json_copy_and_served_verbatim(tmp_path: Path) -> None:
    path, twin = tmp_path / "openapi.yaml", tmp_path / "document.json"
    path.write_text("openapi: 3.1.0")
    twin.write_text('{"told": "by the twin"}')
    document = checks.load(path, judged=digest(path.read_bytes()), twin=twin)
    assert (document.raw, document.source) == ({"told": "by the twin"}, b"openapi: 3.1.0")


def test_a_changed_document_is_validated_and_its_json_copy_is_ignored(tmp_path: Path) -> None:
    twin = tmp_path / "document.json"
    twin.write_text('{"told": "by the twin"}')
    path = tmp_path / "openapi.yaml"
    path.write_text("openapi: 3.1.0")
    judged = digest(path.read_bytes())
    path.write_text("openapi: 3.1.0 # changed")
    with pytest.raises(BrokenDocument, match=r"info.* is a required property"):
        checks.load(path, judged=judged, twin=twin)


TO_C = {"$ref": "#/components/schemas/C"}


def test_a_closed_schema_has_exactly_the_components_that_it_references(tmp_path: Path) -> None:
    schemas = {
        "A": {"type": "array", "items": {"$ref": "#/components/schemas/B"}},
        "B": {"type": "object", "properties": {"self": {"$ref": "#/components/schemas/B"}, "c": {"anyOf": [TO_C]}}},
        "C": {"type": "string"},
        "D": {"$ref": "#/components/schemas/A"},
    }
    document = Document(tmp_path, b"", {"components": {"schemas": schemas}})
    closed = document.closed({"$ref": "#/components/schemas/A"})
    assert closed == {
        "$ref": "#/components/schemas/A",
        "components": {"schemas": {name: schemas[name] for name in "ABC"}},
    }
    assert document.closed({"type": "string"}) == {"type": "string", "components": {}}
