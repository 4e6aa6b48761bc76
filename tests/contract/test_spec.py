"""Conventions of openapi.yaml that hold for every operation."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from omoide.contract.document import OperationSpec
from tests.contract.conformance import DOCUMENT, OPERATIONS

ROLES = {"admin", "workspace", "peer", "session", "member", "named", "asked", "metrics"}


def operations(rule: Callable[[OperationSpec], None]) -> Callable[[], None]:
    """A test of a rule for every operation."""

    def test() -> None:
        for operation in OPERATIONS.values():
            try:
                rule(operation)
            except AssertionError as fault:
                fault.add_note(operation.handler)
                raise

    return test


def gate(schema: Any) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT.raw["components"]}, validate_formats=True)


def examples(operation: OperationSpec) -> list[tuple[Any, Any]]:
    """(schema, example) for every example in the operation."""
    found = []
    bodies = [DOCUMENT.resolve(response) for response in operation.raw["responses"].values()]
    for holder in [*bodies, *([operation.body] if operation.body else [])]:
        found += [(c["schema"], c["example"]) for c in holder.get("content", {}).values() if "example" in c]
    found += [(p["schema"], p["example"]) for p in operation.parameters if "example" in p]
    return found


@operations
def test_every_operation_has_tag_summary_and_description(operation: OperationSpec) -> None:
    assert operation.raw["summary"]
    assert len(operation.raw["description"].split()) >= 4
    assert "security" in operation.raw, "the operation itself must declare its security"


@operations
def test_every_operation_has_an_example_of_its_own(operation: OperationSpec) -> None:
    own = [r for code, r in operation.raw["responses"].items() if "$ref" not in r]
    holders = [*own, *([operation.body] if operation.body else [])]
    shown = [c for holder in holders for c in holder.get("content", {}).values() if "example" in c]
    assert shown or any("example" in parameter for parameter in operation.parameters)


@operations
def test_every_example_is_valid(operation: OperationSpec) -> None:
    assert examples(operation)
    for schema, example in examples(operation):
        gate(schema).validate(example)


@operations
def test_errors_are_shared_by_reference(operation: OperationSpec) -> None:
    for code, response in operation.raw["responses"].items():
        returned = response.get("x-returned")  # not an error: returned by a handler
        if not (code.startswith("2") or returned or (operation.handler, code) == ("get_or_create_session", "422")):
            assert response.keys() == {"$ref"}, f"{code} must be a shared response"


@operations
def test_every_operation_documents_431(operation: OperationSpec) -> None:
    assert operation.raw["responses"]["431"] == {"$ref": "#/components/responses/HeadTooLarge"}


@operations
def test_every_secured_operation_documents_its_refusals(operation: OperationSpec) -> None:
    if operation.raw["security"]:
        assert "401" in operation.raw["responses"]
    if operation.body:
        assert {"400", "413", "415", "422"} <= operation.raw["responses"].keys()


@operations
def test_only_known_roles_are_used_and_never_none(operation: OperationSpec) -> None:
    for requirement in operation.raw["security"]:
        unknown = set(requirement["HTTPBearer"]) - ROLES
        assert not unknown, f"unknown roles: {unknown}; a new one belongs to ROLES here and to omoide/core/auth.py"
        assert requirement["HTTPBearer"], "an empty list would allow any key"


def test_paths_are_sorted_by_tag() -> None:
    declared = [tag["name"] for tag in DOCUMENT.raw["tags"]]
    used = [operation.tag for operation in DOCUMENT.operations()]
    assert used == sorted(used, key=declared.index)
    assert set(used) == set(declared), "describe every tag in `tags` of openapi.yaml, and no other"


@pytest.mark.parametrize("kind", ["parameters", "requestBodies", "responses", "schemas"])
def test_components_are_sorted_alphabetically(kind: str) -> None:
    names = [*DOCUMENT.raw["components"][kind]]
    assert names == sorted(names, key=lambda name: name.replace("_", ""))


def test_every_extension_is_documented_in_the_header() -> None:
    text = DOCUMENT.source.decode()
    head = text[: text.index("\nopenapi:")]
    used = set(re.findall(r"^\s+(x-[a-z-]+):", text, re.MULTILINE))
    unexplained = used - set(re.findall(r"x-[a-z-]+", head))
    assert not unexplained, f"explain these under Extensions at the top of openapi.yaml: {unexplained}"
    unexplained = ROLES - set(re.findall(r"^#     (\w+) ", head, re.MULTILINE))
    assert not unexplained, f"explain these roles under Authorization at the top of openapi.yaml: {unexplained}"


def test_every_component_is_used() -> None:
    text = DOCUMENT.source.decode()
    for kind in ("parameters", "requestBodies", "responses", "schemas"):
        for name in DOCUMENT.raw["components"][kind]:
            assert f"'#/components/{kind}/{name}'" in text, f"{kind}/{name} is unused"
