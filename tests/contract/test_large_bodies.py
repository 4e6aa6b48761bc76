"""The values of a large body are counted before it is parsed, exactly."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from omoide.contract import large_bodies
from omoide.contract.errors import TooManyValues


def weight(value: Any) -> int:
    """The expected count of `admit`: one per separator, four per container."""
    if not isinstance(value, dict | list):
        return 0
    members = [*value.values()] if isinstance(value, dict) else value
    return 4 + max(0, len(members) - 1) + sum(map(weight, members))


def admits(body: bytes) -> bool:
    try:
        asyncio.run(large_bodies.admit(body))
    except TooManyValues:
        return False
    return True


TEXTS = ['"', "\\", '\\"', '\\\\"', "[[[[{,,,,", "é😀\n", "", '"[{,"' * 5, "\\" * 31]


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7, 64])
@pytest.mark.parametrize("text", TEXTS)
def test_only_values_outside_of_strings_are_counted(text: str, cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "_SLICE", cut)
    value = {text: [1, text, {"b": text}], "c": [text, text]}
    body = json.dumps(value, ensure_ascii=False).encode()
    for most, expected in ((weight(value), True), (weight(value) - 1, False)):
        monkeypatch.setattr(large_bodies, "MAX_VALUES", most)
        assert admits(body) is expected


@pytest.mark.parametrize(
    "inner", [b"1", b"[]", b"{}", b'""', b"[[1]]"], ids=["numbers", "lists", "objects", "texts", "nested"]
)
def test_a_body_of_many_values_is_refused(inner: bytes, http: httpx.Client) -> None:
    body = b'{"id":"it","metadata":{"a":[' + b",".join([inner] * 201_000) + b"]}}"
    refused = http.post("/v3/workspaces", content=body, headers={"content-type": "application/json"})
    assert (refused.status_code, refused.json()["detail"]) == (
        413,
        "Request body exceeds the maximum of 200000 JSON values",
    )


@pytest.mark.parametrize("body", [b'{"id":', b'{"id":1,"x":"' + b"\\n" * 50_000 + b'\\ud800"}', b"[" * 40_000])
def test_a_large_body_is_refused_with_the_same_fault_as_a_small_one(body: bytes, http: httpx.Client) -> None:
    padded = body + b" " * (large_bodies.LARGE_BYTES + 1)
    for content in (body, padded):
        refused = http.post("/v3/workspaces", content=content, headers={"content-type": "application/json"})
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["type"] in ("json_invalid", "string_type")


def test_a_large_body_may_have_a_lone_surrogate(http: httpx.Client, fresh: Any) -> None:
    id = fresh("workspace")
    text = "\\n" * 30_000
    body = f'{{"id":"{id}","metadata":{{"a":"\\ud83d"}}, "configuration": {{"own":"{text}"}}}}'.encode()
    made = http.post("/v3/workspaces", content=body, headers={"content-type": "application/json"})
    assert (made.status_code, made.json()["metadata"]) == (201, {"a": "\ufffd"})


def test_too_many_faults_are_counted_instead_of_listed(http: httpx.Client, fresh: Any) -> None:
    body = json.dumps({"peer_card": [1] * 50_000})
    path = f"/v3/workspaces/{fresh('workspace')}/peers/it/card"
    refused = http.put(path, content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["msg"] == "Value error, there are 50000 faults, too many to list"
