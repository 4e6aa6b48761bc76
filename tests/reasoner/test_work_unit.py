"""A unit is appended to a stored one only if the payload is valid, and observers and configuration are the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omoide.core.job_payloads import WorkUnit

STORED = WorkUnit("s", 1, "alice", 2, ["bob"], [3], {"reasoning": {"enabled": True}}, 4, 6, 100)
NEXT = replace(STORED, first=7, through=9, tokens=30)


def test_a_following_unit_is_appended_to_the_stored_one() -> None:
    assert NEXT.joined_to(STORED.to_json()) == replace(STORED, through=9, tokens=130)


@pytest.mark.parametrize("changed", [{"observer_pks": [3, 4]}, {"configuration": {}}])
def test_other_observers_or_configuration_are_not_appended(changed: dict[str, Any]) -> None:
    assert NEXT.joined_to({**STORED.to_json(), **changed}) is None


@pytest.mark.parametrize("name", ["first", "tokens", "observer_pks", "configuration"])
@pytest.mark.parametrize("value", ["4", None, -1, 4.0, True, [[1]], {"a": 1}, 2**70])
def test_a_unit_is_not_appended_to_an_invalid_payload(name: str, value: Any) -> None:
    payload = {**STORED.to_json(), name: value}
    assert NEXT.joined_to(payload) is None
    del payload[name]
    assert NEXT.joined_to(payload) is None


@pytest.mark.parametrize("name", ["session", "session_pk", "observed", "observed_pk", "observers"])
def test_invalid_values_of_the_common_fields_are_repaired(name: str) -> None:
    assert NEXT.joined_to({**STORED.to_json(), name: 1.5}) == replace(STORED, through=9, tokens=130)
