"""Compare the stored data with the ledger: each message stored once, with one conclusion."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from tests.soak.ledger import Place, SoakLedger
from tests.soak.load import SESSIONS, WORKSPACES

DRAIN_SECONDS = 600.0
"""Time limit for the queue to become empty: a job that waits for a provider may wait for five minutes."""


def drained(http: httpx.Client, gone_on: Callable[[], None]) -> float:
    """Wait until the queue is empty, and return the seconds. Raises AssertionError after DRAIN_SECONDS."""
    began = time.monotonic()
    while (jobs := _owed(http)) and time.monotonic() - began < DRAIN_SECONDS:
        gone_on()
        time.sleep(0.5)
    assert not jobs, f"the queue is not empty after {DRAIN_SECONDS:.0f} s: {jobs}"
    return time.monotonic() - began


def _owed(http: httpx.Client) -> list[str]:
    """Return the job counts of the metrics that are not 0, except dreams, which wait for their time."""
    lines = [line for line in http.get("/metrics").text.splitlines() if line.startswith("omoide_jobs{")]
    return [line for line in lines if not line.endswith(" 0.0") and 'kind="dream"' not in line]


def differences(http: httpx.Client, ledger: SoakLedger) -> list[str]:
    """Return a line for each message or conclusion that is missing, stored twice, or unexpected."""
    found = []
    for workspace in WORKSPACES:
        stored: Counter[tuple[str, str]] = Counter()
        for session in SESSIONS:
            place = workspace, session
            here = Counter(_messages(http, place))
            found += [f"{line} in {workspace}/{session}" for line in of_messages(here, ledger, place)]
            stored += here
        derived = Counter(_conclusions(http, workspace))
        expected = {f"{peer} said {content}" for peer, content in stored}
        found += [f"a conclusion is missing in {workspace}: {each}" for each in expected - {*derived}]
        found += [f"{derived[each]} conclusions in {workspace}: {each}" for each in expected if derived[each] > 1]
        found += [f"an unexpected conclusion in {workspace}: {each}" for each in {*derived} - expected]
    return found


def of_messages(stored: Counter[tuple[str, str]], ledger: SoakLedger, place: Place) -> list[str]:
    """Return a line for each wrong message in a place."""
    acknowledged, uncertain = {*ledger.acknowledged.get(place, [])}, {*ledger.uncertain.get(place, [])}
    return [
        *(f"a message is lost: {each}" for each in acknowledged - {*stored}),
        *(f"a message is stored {count} times: {each}" for each, count in stored.items() if count > 1),
        *(f"an unexpected message: {each}" for each in {*stored} - acknowledged - uncertain),
    ]


def _messages(http: httpx.Client, place: Place) -> list[tuple[str, str]]:
    path = f"/v3/workspaces/{place[0]}/sessions/{place[1]}/messages/list"
    return [(each["peer_id"], each["content"]) for each in _pages(http, path, {})]


def _conclusions(http: httpx.Client, workspace: str) -> list[str]:
    filters = {"filters": {"level": "explicit"}}
    return [each["content"] for each in _pages(http, f"/v3/workspaces/{workspace}/conclusions/list", filters)]


def _pages(http: httpx.Client, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    number, pages = 1, 1
    while number <= pages:
        answer = http.post(path, json=body, params={"page": number, "size": 100})
        if answer.status_code == 404:
            return []
        page = answer.raise_for_status().json()
        found, pages, number = found + page["items"], page["pages"], number + 1
    return found
