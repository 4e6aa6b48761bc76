"""Rate limits by key or address, with Retry-After; a disabled limit costs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from honcho import Honcho

from benchmarks.process_tree import named
from omoide.asgi.app import callers_of
from omoide.asgi.app import guarded as guard
from omoide.asgi.callers import network
from omoide.asgi.rate_limit import RateLimit, TokenBuckets
from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from tests.conftest import SECRET
from tests.contract.conformance import OPERATIONS, conform
from tests.handlers.workspace import until
from tests.security.in_process import settings_of
from tests.server_process import Server

BURST = 3
PAGE = "https://app.example.org"
LISTED = "/v3/workspaces/list"


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a burst of three requests and one per second for each caller, also for pages of PAGE."""
    settings = {"rate_limit_per_minute": "60", "rate_limit_burst": str(BURST), "cors_origins": PAGE}
    running = Server(tmp_path_factory.mktemp("limited") / "omoide.db", auth="true", jwt_secret=SECRET, **settings)
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("settings", "statuses"), [({}, [200, 200]), ({"trusted_proxies": "192.0.2.0/24"}, [200, 429])]
)
def test_only_trusted_proxies_may_set_the_client_address(
    settings: dict[str, str], statuses: list[int], db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    running = Server(db_path, rate_limit_per_minute="1", **settings)
    with running.client() as client:
        callers = [{"X-Forwarded-For": address} for address in ("198.51.100.1", "198.51.100.2")]
        assert [client.post(LISTED, headers=caller).status_code for caller in callers] == statuses
    running.stop()


def key(principal: Principal = ADMIN) -> str:
    return Keyring(SECRET).mint(principal, now=clock.now())


def header(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def spend(client: httpx.Client, headers: dict[str, str]) -> httpx.Response:
    """The first response with 429. It may take more than a burst of requests, because time passes."""
    for _ in range(100 * BURST):
        response = client.post(LISTED, headers=headers)
        if response.status_code == 429:
            return response
    raise AssertionError("no request was refused")


def test_a_key_over_its_rate_gets_retry_after_and_others_are_served(limited: Server) -> None:
    mine, other = header(key()), header(key())
    with limited.client() as client:
        for _ in range(BURST):
            assert client.post(LISTED, headers=mine).status_code == 200
        refused = spend(client, mine)
        conform(OPERATIONS["get_all_workspaces"], refused)
        assert refused.headers["retry-after"] == "1"
        assert refused.json() == {"detail": f"Rate limit exceeded: 60 requests a minute, {BURST} at once"}
        assert client.post(LISTED, headers=other).status_code == 200
        assert client.get("/health").status_code == 200


def test_another_spelling_of_a_key_is_the_same_key(limited: Server) -> None:
    token = key()
    with limited.client() as client:
        began = time.monotonic()
        spend(client, header(token))
        ways = [f"bearer {token}", f"BEARER    {token}", f"BeArEr  {token}"]
        answers = [client.post(LISTED, headers={"Authorization": way}).status_code for way in ways * 4 * BURST]
        passed = answers.count(200)
        assert answers.count(429) == len(answers) - passed
        assert passed <= 1 + (time.monotonic() - began), "one per second, without a burst for each"


def test_invalid_keys_share_the_limit_of_their_address(limited: Server) -> None:
    with limited.client() as client:
        assert client.post(LISTED, headers=header("made.up.0")).status_code == 401
        assert any(client.post(LISTED, headers=header(f"made.up.{n}")).status_code == 429 for n in range(100 * BURST))


def test_the_official_client_waits_and_retries(limited: Server) -> None:
    honcho = Honcho(base_url=limited.url, api_key=key(), workspace_id="patient", max_retries=3)
    for number in range(BURST + 1):
        assert honcho.peer(f"p{number}", metadata={}).id == f"p{number}"
    honcho._http.close()  # the SDK has no public way


def test_an_allowed_origin_may_read_a_429(limited: Server) -> None:
    with limited.client() as client:
        refused = spend(client, {**header(key()), "Origin": PAGE})
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert "Retry-After" in refused.headers["access-control-expose-headers"]


# Several processes.


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop the process within the block, so that new connections go to another one."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def passed_before_a_refusal(server: Server, most: int) -> int:
    """The number of accepted requests among at most this many, each on a new connection."""
    for number in range(most):
        with server.client() as client:
            if client.post(LISTED).status_code == 429:
                return number
    return most


def test_two_processes_share_one_limit(tmp_path: Path) -> None:
    burst, spent = 8, 3
    limits = {"rate_limit_per_minute": "1", "rate_limit_burst": str(burst)}
    began = time.monotonic()
    server = Server(tmp_path / "omoide.db", "--workers", "2", **limits)
    try:
        one, other = named(server.process.pid, "omoide-api")
        with stopped(other):
            assert passed_before_a_refusal(server, spent) == spent
        with stopped(one):
            left = passed_before_a_refusal(server, 10 * burst)
        with stopped(other):
            left += passed_before_a_refusal(server, 10 * burst)
    finally:
        server.stop()
    since = (time.monotonic() - began) / 60  # one more passes for each minute, on a very slow machine
    assert burst <= spent + left <= burst + since


# The buckets.


def test_a_burst_passes_and_then_one_request_per_interval() -> None:
    rates = TokenBuckets(per_minute=60, burst=3)
    assert [rates.wait("a", 100.0) for _ in range(4)] == [0, 0, 0, pytest.approx(1)]
    assert rates.wait("a", 100.5) == pytest.approx(0.5)
    assert rates.wait("a", 101.0) == 0
    assert rates.wait("a", 101.0) == pytest.approx(1)
    assert [rates.wait("a", 200.0) for _ in range(4)] == [0, 0, 0, pytest.approx(1)], "a bucket does not overflow"


@pytest.mark.parametrize("per_minute", [1, 7, 90, 6_000])
def test_the_long_term_rate_is_not_exceeded(per_minute: int) -> None:
    rates = TokenBuckets(per_minute=per_minute, burst=5)
    passed = sum(rates.wait("a", 1e9 + tick / 50) == 0 for tick in range(50 * 60 * 3))
    assert passed == min(3 * per_minute + 4, 50 * 60 * 3) or passed == 3 * per_minute + 5


def test_callers_have_independent_limits() -> None:
    rates = TokenBuckets(per_minute=60, burst=1)
    assert rates.wait("a", 0.0) == 0
    assert rates.wait("b", 0.0) == 0
    assert rates.wait("a", 0.0) > 0


def test_a_flood_of_callers_needs_no_more_memory_and_is_still_limited() -> None:
    rates = TokenBuckets(per_minute=60, burst=1, buckets=64)
    assert all(rates.wait(f"caller {number}", 0.0) == 0 for number in range(10_000))
    assert rates.wait("caller 9999", 0.0) > 0, "the last one is still known"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
    ],
)
def test_a_caller_without_a_key_is_identified_by_its_network(one: str, other: str, same: bool) -> None:
    assert (network((one, 1)) == network((other, 2))) is same


def test_without_authentication_keys_do_not_identify_callers() -> None:
    served = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        served.append(scope)

    async def sent(message: Any) -> None:
        served.append(message)

    async def story() -> None:
        limit = guard(app, settings_of(rate_limit_per_minute=1, public_without_auth=True), callers_of(None))
        for number in range(2):
            headers = [(b"authorization", b"Bearer %d" % number)]
            scope = {"type": "http", "path": LISTED, "headers": headers, "client": ("10.0.0.1", 1)}
            await limit(scope, None, sent)  # type: ignore[arg-type]

    asyncio.run(story())
    assert len(served) == 3
    assert served[1]["status"] == 429


def test_a_disabled_limit_adds_no_middleware() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    callers = callers_of(Keyring(SECRET))
    assert guard(app, settings_of(auth=True, jwt_secret=SECRET, ui=False), callers) is app
    limit = guard(app, settings_of(auth=True, jwt_secret=SECRET, ui=False, rate_limit_per_minute=1), callers)
    assert isinstance(limit, RateLimit)
