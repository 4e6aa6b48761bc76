"""The first page: workspaces with what is in them, the server's health, and what to do first."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from omoide.core.auth import Keyring, Principal
from tests.conftest import SECRET
from tests.server_process import Server
from tests.ui.browser import Watched, require_accessible

View = Callable[[str], Page]
DOWN = {
    "status": "down",
    "parts": {
        "worker": {"status": "down", "detail": "no worker is running"},
        "wal": {"status": "ok", "detail": "1 MB"},
    },
}


def test_workspaces_are_shown_with_their_counts_and_found_by_id(view: View) -> None:
    page = view("")
    row = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="demo", exact=True))
    expect(row).to_contain_text("11 peers")
    expect(row).to_contain_text("13 messages")
    expect(row).to_contain_text("Queue: nothing to do")
    expect(row.locator("time").first).to_have_attribute("datetime", "2026-11-03T10:03:00Z")
    require_accessible(page)
    page.get_by_label("Search by id").fill("DEM")
    expect(page).to_have_url(f"{page.url.split('#')[0]}#/?q=DEM")
    expect(page.get_by_role("listitem")).to_have_count(1)
    page.get_by_label("Search by id").fill("no such")
    expect(page.get_by_text("No workspace has this in its id.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Search by id")).to_have_value("no such")


def test_the_health_of_each_part_is_shown_and_opened_if_one_is_down(watched: Watched, view: View) -> None:
    page = view("")
    page.get_by_text("All parts of the server work.").click()
    expect(page.get_by_role("row").filter(has_text="database")).to_contain_text("reads and writes")
    watched.expected = ("503",)
    page.route("**/ready", lambda route: route.fulfill(status=503, json=DOWN))
    page.reload()
    expect(page.get_by_role("row").filter(has_text="worker")).to_contain_text("no worker is running")
    require_accessible(page)


def test_the_first_lines_run_as_they_are_and_their_memory_appears(page: Page, database: Path) -> None:
    server = Server(database, debounce_seconds="0.05")
    page.goto(f"{server.url}/ui/")
    lines = page.get_by_label("Lines to paste")
    expect(lines).to_contain_text(f'base_url="{server.url}", workspace_id="demo"')
    require_accessible(page)
    page.get_by_role("button", name="curl").click()
    added, asked = lines.inner_text().split("# A few seconds later:")
    subprocess.run(["bash", "-ec", added], check=True, capture_output=True)
    row = page.get_by_role("listitem").filter(has_text="1 session")
    expect(row).to_contain_text("2 messages")
    subprocess.run(["bash", "-ec", asked.replace("curl", "curl --fail")], check=True, capture_output=True)
    with server.client() as client:
        assert client.post("/v3/workspaces", json={"id": "empty"}).status_code == 201
    page.goto(f"{server.url}/ui/#/w/empty")
    python = page.get_by_label("Lines to paste").inner_text()
    subprocess.run([sys.executable, "-c", python], check=True, capture_output=True)
    expect(page.get_by_role("link", name="alice works as a nurse, mostly at night")).to_be_visible()
    server.stop()


def test_a_key_of_one_workspace_opens_it_by_its_id(watched: Watched, database: Path) -> None:
    watched.expected = ("401",)
    server = Server(database, auth="true", jwt_secret=SECRET)
    key = Keyring(SECRET).mint(Principal(workspace="mine"), now=int(time.time()))
    with server.client(headers={"authorization": f"Bearer {key}"}) as client:
        assert client.post("/v3/workspaces", json={"id": "mine"}).status_code < 300
    page = watched.page
    page.goto(f"{server.url}/ui/")
    page.evaluate("key => sessionStorage.setItem('omoide-key', key)", key)
    page.reload()
    expect(page.get_by_text("This key does not open it.")).to_be_visible()
    page.get_by_label("Or open a workspace by its id").fill("mine")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_label("Lines to paste")).to_contain_text("api_key=")
    server.stop()
