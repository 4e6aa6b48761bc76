"""A workspace of 50,000 messages and 20,000 conclusions: what is shown stays small, and the far end is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from benchmarks import page_database
from benchmarks.page import SCREENS
from benchmarks.page_database import LONG_SESSION, MESSAGES, PEERS, SHARE_OF_LONG, WORKSPACE
from tests.handlers.workspace import until
from tests.server_process import Server

MAX_ROWS = 400
"""List items and rows of tables in the page at once."""
COUNT = "document.querySelectorAll('main [role=listitem], main li, main tr, main article').length"
Opened = Callable[[str], Page]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("large")
    with ThreadPoolExecutor(1) as thread:  # playwright's event loop runs in this thread
        thread.submit(page_database.fill, folder / "omoide.db").result()
    server = Server(folder / "omoide.db")
    yield server
    server.stop()


@pytest.fixture
def opened(page: Page, large: Server) -> Opened:
    def at(address: str) -> Page:
        page.goto(f"{large.url}/ui/#/{address}")
        page.locator("main h1").first.wait_for()
        page.wait_for_load_state("networkidle")
        return page

    return at


def test_every_screen_shows_a_bounded_part(opened: Opened) -> None:
    for name, address in SCREENS.items():
        page = opened(address)
        assert page.evaluate(COUNT) <= MAX_ROWS, name


def test_a_transcript_scrolls_to_its_end(opened: Opened) -> None:
    page = opened(f"w/{WORKSPACE}/sessions/{LONG_SESSION}")
    last = int(MESSAGES * SHARE_OF_LONG)
    expect(page.get_by_text(f"{last:,} messages")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator(f"[aria-posinset='{last}']")).to_be_visible()
    assert page.evaluate(COUNT) <= MAX_ROWS
    first = page.locator("[aria-posinset='1']")

    def is_at_start() -> bool:  # rows that are still being measured at the end may scroll back to it
        page.keyboard.press("Home")
        return first.is_visible()

    until(is_at_start)


def test_a_message_in_the_middle_is_opened_by_its_address(opened: Opened, large: Server) -> None:
    path = f"/v3/workspaces/{WORKSPACE}/sessions/{LONG_SESSION}/messages/list"
    with large.client() as client:
        middle = client.post(path, params={"page": 20_000, "size": 1}).json()["items"][0]
    page = opened(f"w/{WORKSPACE}/sessions/{LONG_SESSION}?message={middle['id']}")
    expect(page.locator("[aria-posinset='20000']")).to_be_in_viewport()
    expect(page.locator("[aria-current=true].marked")).to_contain_text(middle["content"][:40])


def test_peers_are_found_among_many(opened: Opened) -> None:
    page = opened(f"w/{WORKSPACE}/peers")
    page.get_by_label("Search by id").fill(f"peer-{PEERS - 1}")
    expect(page.get_by_role("link", name=f"peer-{PEERS - 1}", exact=True)).to_be_visible()
