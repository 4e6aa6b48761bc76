"""Events are delivered signed to permitted endpoints; failures are retried, or kept with the reason."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.job_payloads import DeliveryPayload, JobKind
from omoide.core.records import Change, PageRequest
from omoide.core.settings import Settings
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.services.container import open_services
from omoide.storage import Store, Transaction, queue, webhooks, workspaces
from omoide.worker.loop import Worker
from omoide.worker.ssrf_guard import GuardedClient
from omoide.worker.tasks import TASKS, Task, typed
from omoide.worker.webhooks import deliver
from tests import sql
from tests.postgresql import located, open_store
from tests.read_now import read_now
from tests.worker.receivers import BROKEN, BUSY, ENDLESS, GONE, OK, SILENCE, receiver, redirect

SECRET = "webhooks are signed with this"


@dataclass
class WebhookWorker:
    """A store with the workspace `w`, and a worker on it."""

    store: Store
    worker: Worker

    async def register(self, url: str) -> str:
        made, _ = await self.store.write(webhooks.get_or_create, "w", url, clock.now())
        return made.id

    async def emit(self, data: dict[str, Any] | None = None) -> None:
        def emitted(db: Transaction) -> None:
            workspace = workspaces.find(db, "w")
            assert workspace is not None
            webhooks.emit(db, workspace.pk, "test.event", data or {"workspace_id": "w"}, clock.now())

        await self.store.write(emitted)

    async def sent_to(self, url: str) -> None:
        """Register, emit, and do the job once."""
        await self.register(url)
        await self.emit()
        assert await self.worker.run_one()

    async def make_due(self) -> None:
        await self.store.write(sql.make_due)

    def jobs(self) -> list[tuple[int, bool, bool, str | None]]:
        """Attempts, whether it waits for another, whether it was given up, error."""
        return read_now(
            self.store,
            sql.rows,
            "SELECT attempts, due_at > created_at AND failed_at IS NULL, failed_at IS NOT NULL, error FROM jobs "
            "WHERE kind = 'deliver_webhook'",
        )

    def last_delivery(self) -> webhooks.WebhookDelivery | None:
        """That of the only endpoint."""
        (endpoint,) = read_now(self.store, webhooks.page, "w", PageRequest()).items
        return endpoint.last_delivery

    def reason(self) -> str:
        """The reason why the only job was given up."""
        ((_, _, given_up, error),) = self.jobs()
        assert given_up
        assert error is not None
        return error


@asynccontextmanager
async def house(path: Path, outbound: GuardedClient | None = None, **given: Any) -> AsyncIterator[WebhookWorker]:
    options = {"webhook_secret": SECRET, "webhook_private_targets": True, "webhook_timeout_seconds": 10.0, **given}
    store = open_store(path, durability="normal")
    deps = open_services(Settings(db=located(path), **options), store=store, embedder=WordLlamaEmbedder())
    tasks: dict[str, Task] = {
        **TASKS,
        JobKind.DELIVER_WEBHOOK: typed(DeliveryPayload, partial(deliver, outbound=outbound or GuardedClient())),
    }
    await store.write(workspaces.get_or_create, "w", Change(), clock.now())
    try:
        yield WebhookWorker(store, Worker(deps, tasks=tasks))
    finally:
        store.close()


def test_an_event_arrives_compact_sorted_and_signed(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home, receiver() as endpoint:
            await home.register(endpoint.url)
            before = clock.now()
            await home.emit({"b": "é", "a": {"d": None, "c": 1}})
            await home.worker.run_one()
            ((headers, body),) = endpoint.requests
            timestamp = json.loads(body)["timestamp"]
            expected = (
                f'{{"data":{{"a":{{"c":1,"d":null}},"b":"\\u00e9"}},"timestamp":"{timestamp}","type":"test.event"}}'
            )
            assert body == expected.encode()
            told = int(datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() * 1_000_000)
            assert before - 1_000_000 < told <= clock.now()
            assert headers["content-type"] == "application/json"
            assert headers["x-honcho-signature"] == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            assert len(headers["x-honcho-delivery"]) == clock.ID_LENGTH
            assert home.jobs() == []

    asyncio.run(story())


def test_every_endpoint_of_the_workspace_has_a_job_of_its_own(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home, receiver() as one, receiver(BROKEN) as other:
            await home.register(one.url)
            await home.register(other.url)
            await home.emit()
            while await home.worker.run_one():
                pass
            assert len(one.requests) == len(other.requests) == 1
            ((attempts, waits, given_up, _),) = home.jobs()
            assert (attempts, waits, given_up) == (1, True, False)

    asyncio.run(story())


def test_a_delivery_keeps_its_id_when_it_is_retried(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home, receiver(BROKEN, BUSY, OK) as endpoint:
            await home.register(endpoint.url)
            assert home.last_delivery() is None
            await home.sent_to(endpoint.url)
            assert home.jobs()[0][3] == "NotDelivered: the endpoint answered 500"
            assert not await home.worker.run_one(), "it must wait before the next attempt"
            outcomes = [home.last_delivery()]
            for _ in range(2):
                await home.make_due()
                assert await home.worker.run_one()
                outcomes.append(home.last_delivery())
            assert [each and (each.status, each.error, each.failures) for each in outcomes] == [
                (500, "the endpoint answered 500", 1),
                (429, "the endpoint answered 429", 2),
                (204, None, 0),
            ]
            assert len({headers["x-honcho-delivery"] for headers, _ in endpoint.requests}) == 1
            assert len(endpoint.requests) == 3
            assert home.jobs() == []

    asyncio.run(story())


def test_attempts_end_and_the_event_is_kept_with_the_reason(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path, webhook_attempts=2) as home, receiver(BROKEN) as endpoint:
            await home.sent_to(endpoint.url)
            await home.make_due()
            assert await home.worker.run_one()
            assert home.reason() == "NotDelivered: the endpoint answered 500 (after 2 attempts)"
            await home.make_due()
            assert not await home.worker.run_one()

    asyncio.run(story())


def test_a_refusal_is_final(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home, receiver(GONE) as endpoint:
            await home.sent_to(endpoint.url)
            assert home.reason() == "the endpoint answered 410"

    asyncio.run(story())


def test_a_redirect_is_not_followed(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home, receiver() as target, receiver(redirect(target.url)) as endpoint:
            await home.sent_to(endpoint.url)
            assert home.reason() == "the endpoint answered 307"
            assert target.requests == []

    asyncio.run(story())


def test_an_endpoint_that_does_not_answer_is_retried(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path, webhook_timeout_seconds=0.2) as home, receiver(SILENCE) as endpoint:
            await home.sent_to(endpoint.url)
            ((_, waits, _, error),) = home.jobs()
            assert waits
            assert error == "Unreachable: 127.0.0.1 did not answer within 0.2 seconds"
            last = home.last_delivery()
            assert last is not None
            assert (last.status, last.error, last.failures) == (None, "127.0.0.1 did not answer within 0.2 seconds", 1)

    asyncio.run(story())


def test_an_endpoint_without_a_server_is_retried(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home:
            async with receiver() as endpoint:
                url = endpoint.url
            await home.sent_to(url)
            ((_, waits, _, error),) = home.jobs()
            assert waits
            assert "could not be reached" in str(error)

    asyncio.run(story())


def test_the_body_of_an_endpoints_response_is_not_read(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home, receiver(ENDLESS) as endpoint:
            await home.sent_to(endpoint.url)
            assert home.jobs() == []

    asyncio.run(story())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"])
def test_private_targets_are_refused_unless_a_setting_allows_them(host: str, db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path, webhook_private_targets=False) as home, receiver() as endpoint:
            await home.sent_to(f"http://{host}:{endpoint.port}/")
            assert "private or internal address" in home.reason()
            assert endpoint.requests == []

    asyncio.run(story())


@pytest.mark.parametrize("private", ["10.0.0.1", "169.254.169.254", "fd00::1", "fe80::1", "::1", "224.0.0.1"])
def test_a_name_with_one_private_address_is_refused(private: str, db_path: Path) -> None:
    async def resolve(host: str) -> Sequence[str]:
        return ["93.184.215.14", private]

    async def story() -> None:
        async with house(db_path, GuardedClient(resolve), webhook_private_targets=False) as home:
            await home.sent_to("https://hooks.example/")
            assert home.reason().startswith("hooks.example resolves to a private or internal address")

    asyncio.run(story())


def test_the_connection_goes_to_the_address_that_was_checked(db_path: Path) -> None:
    asked = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async def story() -> None:
        async with house(db_path, GuardedClient(resolve)) as home, receiver() as endpoint:
            await home.sent_to(f"http://hooks.example:{endpoint.port}/")
            ((headers, _),) = endpoint.requests
            assert headers["host"] == f"hooks.example:{endpoint.port}"
            assert asked == ["hooks.example"], "a name that is resolved twice may give different addresses"

    asyncio.run(story())


def test_the_next_address_of_a_name_is_tried_if_the_first_refuses(db_path: Path) -> None:
    async def resolve(host: str) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async def story() -> None:
        async with house(db_path, GuardedClient(resolve)) as home, receiver() as endpoint:
            await home.sent_to(f"http://hooks.example:{endpoint.port}/")
            assert len(endpoint.requests) == 1

    asyncio.run(story())


def test_a_name_that_does_not_exist_is_retried(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home:
            await home.sent_to("http://nobody.invalid/")
            ((_, waits, _, error),) = home.jobs()
            assert waits
            assert "nobody.invalid could not be resolved" in str(error)

    asyncio.run(story())


def test_nothing_is_sent_without_a_secret(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path, webhook_secret="") as home, receiver() as endpoint:
            await home.sent_to(endpoint.url)
            assert "OMOIDE_WEBHOOK_SECRET" in home.reason()
            assert endpoint.requests == []

    asyncio.run(story())


def test_pending_deliveries_are_deleted_with_their_endpoint(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home, receiver() as endpoint:
            id = await home.register(endpoint.url)
            await home.emit()
            await home.store.write(webhooks.delete, "w", id)
            assert home.jobs() == []
            while await home.worker.run_one():
                pass
            assert endpoint.requests == []

    asyncio.run(story())


def test_events_in_flight_are_dropped_when_their_endpoint_is_deleted(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path) as home, receiver() as endpoint:
            await home.register(endpoint.url)
            await home.emit()
            await home.store.write(sql.change, "DELETE FROM webhooks")
            assert await home.worker.run_one()
            assert home.jobs() == []
            assert endpoint.requests == []

    asyncio.run(story())


def test_an_endpoint_gets_one_event_at_a_time_and_delays_no_other(db_path: Path) -> None:
    async def story() -> None:
        async with house(db_path, shutdown_grace_seconds=1) as home, receiver(SILENCE) as hanging, receiver() as prompt:
            await home.register(hanging.url)
            await home.register(prompt.url)
            for _ in range(5):
                await home.emit()
            running = asyncio.create_task(home.worker.run())
            while len(prompt.requests) < 5:
                prompt.asked.clear()
                await prompt.asked.wait()
            await hanging.asked.wait()
            assert len(hanging.requests) == 1
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            # The interrupted delivery was released as if it had not started.
            assert {attempts for attempts, *_ in home.jobs()} == {0}
            assert await home.store.read(queue.waiting, clock.now())

    asyncio.run(story())
