"""openapi.yaml contains the seed document verbatim; all additions are listed here.

Allowed additions: properties, responses, examples and links, role names after HTTPBearer, `x-handler`, and `required`
for properties that every response has.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.conformance import DOCUMENT

SEED = yaml.load((Path(__file__).parent / "seed.yaml").read_text(), yaml.CSafeLoader)
OURS = DOCUMENT.raw
PATH = "/v3/workspaces/{workspace_id}/sessions"

# Location → keys that we add to the seed.
ADDED_KEYS = {
    f"paths/{PATH}/post": {"x-handler", "x-mcp"},
    f"paths/{PATH}/post/responses": {"400", "401", "409", "413", "415", "429", "431", "503", "507"},
    f"paths/{PATH}/post/requestBody/content/application/json": {"example"},
    f"paths/{PATH}/post/responses/200": {"links"},
    f"paths/{PATH}/post/responses/200/content/application/json": {"example"},
    "components/schemas/Session/properties": {"uid"},
    "components/schemas/SessionCreate/properties": {"scopes"},
    "components/schemas/SessionConfiguration/properties": {"custom_instructions", "dialectic"},
    "components/schemas/PeerCardConfiguration/properties": {"custom_instructions"},
    "components/schemas/SummaryConfiguration/properties": {"custom_instructions"},
    "components/schemas/DreamConfiguration/properties": {"custom_instructions"},
    "components/securitySchemes/HTTPBearer": {"description"},
}
ADDED_ITEMS = {
    "components/schemas/Session/required": {"uid", "metadata", "configuration"},
    f"paths/{PATH}/post/security/0/HTTPBearer": {"named"},
}


def parts() -> Iterator[tuple[str, Any, Any]]:
    yield f"paths/{PATH}/post", SEED["paths"][PATH]["post"], OURS["paths"][PATH]["post"]
    for kind, components in SEED["components"].items():
        for name, component in components.items():
            yield f"components/{kind}/{name}", component, OURS["components"][kind].get(name)


def differences(place: str, seed: Any, ours: Any) -> Iterator[str]:
    if isinstance(seed, dict) and isinstance(ours, dict):
        if surplus := ours.keys() - seed.keys() - ADDED_KEYS.get(place, set()):
            yield f"{place}: not in the seed: {sorted(surplus)}"
        for key, value in seed.items():
            yield from differences(f"{place}/{key}", value, ours.get(key, "(missing)"))
    elif isinstance(seed, list) and isinstance(ours, list):
        added = [item for item in ours if item not in seed]
        if place in ADDED_ITEMS:
            if set(added) != ADDED_ITEMS[place] or [item for item in ours if item in seed] != seed:
                yield f"{place}: {ours} is not {seed} with {ADDED_ITEMS[place]}"
        elif len(seed) != len(ours):
            yield f"{place}: {ours} instead of {seed}"
        else:
            for index, (theirs, mine) in enumerate(zip(seed, ours, strict=True)):
                yield from differences(f"{place}/{index}", theirs, mine)
    elif seed != ours:
        yield f"{place}: {ours!r} instead of {seed!r}"


@pytest.mark.parametrize(("place", "seed", "ours"), [*parts()], ids=[place for place, *_ in parts()])
def test_our_document_contains_every_part_of_the_seed(place: str, seed: Any, ours: Any) -> None:
    assert list(differences(place, seed, ours)) == []


def test_the_comparison_detects_a_changed_constraint() -> None:
    seed = {"properties": {"id": {"maxLength": 512}}, "required": ["id"]}
    ours = {"properties": {"id": {"maxLength": 500}}, "required": []}
    assert len(list(differences("components/schemas/X", seed, ours))) == 2


def test_the_seed_has_one_operation_and_ten_schemas() -> None:
    assert len(SEED["paths"]) == 1
    assert len(SEED["components"]["schemas"]) == 10
