"""A workspace at a glance, and its queue of background work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests import sql
from tests.server_process import Server
from tests.ui import memory
from tests.ui.browser import Watched, require_accessible

View = Callable[[str], Page]


def test_a_workspace_shows_its_counts_and_what_was_learned_last(view: View) -> None:
    page = view("w/demo")
    expect(page.get_by_role("link", name="11 peers")).to_have_attribute("href", "#/w/demo/peers")
    expect(page.get_by_role("link", name="3 sessions")).to_have_attribute("href", "#/w/demo/sessions")
    expect(page.get_by_text("13 messages")).to_be_visible()
    expect(page.get_by_role("link", name="Queue: nothing to do")).to_have_attribute("href", "#/w/demo/queue")
    newest = page.get_by_role("region", name="Learned last")
    expect(newest.get_by_role("listitem")).to_have_count(10)
    expect(newest).to_contain_text("mallory")
    expect(page.get_by_role("region", name="Tokens of the last 30 days")).to_have_count(0)
    require_accessible(page)


def test_used_tokens_are_drawn_by_task_and_written_as_a_table(view: View, page: Page) -> None:
    used = {
        "model": "openai:some", "calls": 2, "estimated_calls": 0, "input_tokens": 1600, "output_tokens": 240,
        "cached_tokens": 0, "thinking_tokens": 0, "day": datetime.now(UTC).date().isoformat(),
    }  # fmt: skip
    usage = {
        "budget": {"tokens_per_day": 2000, "used_today": 2000, "paused_until": "2100-01-01T00:00:00Z"},
        "items": [{**used, "task": "derive"}, {**used, "task": "chat_low"}],
    }
    page.route("**/usage", lambda route: route.fulfill(json=usage))
    view("w/demo")
    tokens = page.get_by_role("region", name="Tokens of the last 30 days")
    expect(tokens.locator("canvas")).to_be_visible()
    expect(tokens).to_contain_text("2,000 tokens of language models today of 2,000 that a day may take.")
    expect(tokens).to_contain_text("The budget is spent")
    tokens.get_by_text("As a table").click()
    expect(tokens.get_by_role("row").filter(has_text="chat_low")).to_contain_text("1,600")
    require_accessible(page)


def test_a_missing_workspace_is_said(watched: Watched, view: View) -> None:
    watched.expected = ("404",)
    page = view("w/nowhere")
    expect(page.get_by_role("alert")).to_contain_text("Workspace nowhere not found")
    view("w/nowhere/queue")
    expect(page.get_by_role("alert").first).to_contain_text("Workspace nowhere not found")


@pytest.fixture
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that gathers messages for a minute, with two of alice."""
    server = Server(tmp_path_factory.mktemp("slow") / "omoide.db", debounce_seconds="60")
    with server.client() as client:
        memory.post(client, "/v3/workspaces", {"id": "demo"})
        memory.say(client, "demo", "talk", [("alice", "I keep bees."), ("alice", "I live in Rome.")], day=4)
    yield server
    server.stop()


def test_jobs_say_why_they_wait_and_fail_and_can_be_tried_again(page: Page, slow: Server) -> None:
    page.goto(f"{slow.url}/ui/#/w/demo")
    page.get_by_role("link", name="Queue: 1 waiting").click()
    job = page.get_by_role("listitem").filter(has_text="Learn from messages")
    expect(job).to_contain_text("waiting")
    expect(job).to_contain_text("gathered until nothing was said for a while. (in ")
    expect(job).to_contain_text("2 messages")
    require_accessible(page)
    with sql.opened(slow.db) as db:
        sql.change(db, "UPDATE jobs SET failed_at = 1, attempts = 8, error = ?", ("ProviderError: <b>no</b> answer",))
    expect(job).to_contain_text("ProviderError: <b>no</b> answer")
    page.get_by_label("State").select_option("failed")
    expect(job).to_contain_text("8 attempts")
    require_accessible(page)
    page.reload()
    expect(page.get_by_label("State")).to_have_value("failed")
    page.get_by_role("button", name="Try 1 failed again").click()
    expect(page.get_by_text("1 job will be tried again.")).to_be_visible()
    expect(page.get_by_text("No job is in this state.")).to_be_visible()
    with slow.client() as client:
        memory.settle(client, "demo")
        assert conclusions(client) == ["alice keeps bees", "alice lives in Rome"]


def test_gathered_messages_are_processed_at_once_on_demand(page: Page, slow: Server) -> None:
    page.goto(f"{slow.url}/ui/#/w/demo/queue")
    page.get_by_role("button", name="Process gathered messages now").click()
    expect(page.get_by_text("1 job will not wait for more messages.")).to_be_visible()
    expect(page.get_by_text("Nothing to do: all work is done.")).to_be_visible()
    with slow.client() as client:
        assert conclusions(client) == ["alice keeps bees", "alice lives in Rome"]


def conclusions(client: httpx.Client) -> list[str]:
    listed = client.post("/v3/workspaces/demo/conclusions/list").json()["items"]
    return sorted(conclusion["content"] for conclusion in listed)


def test_a_key_that_is_being_typed_outlives_the_next_look_at_the_queue(watched: Watched, view: View) -> None:
    watched.expected = ("401",)
    page = watched.page
    page.route("**/queue/list*", lambda route: route.fulfill(status=401, json={"detail": "No access token provided"}))
    view("w/demo/queue")
    page.get_by_label("Key", exact=True).fill("half a k")
    with page.expect_response("**/queue/list*"):
        pass
    expect(page.get_by_label("Key", exact=True)).to_have_value("half a k")
