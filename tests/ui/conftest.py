from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.server_process import Server
from tests.ui import browser as browsers
from tests.ui import memory


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser. Not for the session: while playwright runs, no other test of the process can run an event loop."""
    expect.set_options(timeout=browsers.WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = browsers.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the workspace `demo`, as `memory.fill` tells; tests that change it use a workspace of their own."""
    settings = {"debounce_seconds": "0.05", "webhook_secret": "secret", "webhook_private_targets": "true"}
    server = Server(tmp_path_factory.mktemp("shown") / "omoide.db", **settings)
    with server.client() as client:
        memory.fill(client, "demo")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def changed(shown: Server) -> str:
    """The workspace `changed` of that server, as `memory.fill_changes` tells."""
    with shown.client() as client:
        memory.fill_changes(client, "changed")
    return "changed"


@pytest.fixture
def watched(chromium: Browser) -> Iterator[browsers.Watched]:
    """A page of its own; the test fails if its console shows an error or an answer is too large."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    seen = browsers.Watched(context.new_page())
    yield seen
    context.close()
    assert seen.unexpected() == []


@pytest.fixture
def page(watched: browsers.Watched) -> Page:
    return watched.page


@pytest.fixture
def view(page: Page, shown: Server) -> Callable[[str], Page]:
    """`view("w/demo/peers")` opens that address of the page, and returns once its heading is there."""

    def opened(address: str) -> Page:
        page.goto(f"{shown.url}/ui/#/{address}")
        page.locator("main h1").first.wait_for()
        return page

    return opened


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "omoide.db"
