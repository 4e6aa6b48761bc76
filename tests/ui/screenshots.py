"""Take the pictures of the page for `docs/images/`: `make screenshots`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect, sync_playwright

from tests.server_process import CommandServer
from tests.ui import memory
from tests.ui.browser import launch

SIZE = {"width": 1200, "height": 780}


def addresses(client: httpx.Client) -> dict[str, str]:
    """The screens by the name of their picture."""
    base = "/v3/workspaces/demo"
    conclusions = client.post(f"{base}/conclusions/list", json={"filters": {"observed_id": "alice"}}).json()["items"]
    moved = next(one["id"] for one in conclusions if "Porto" in one["content"])
    return {
        "home": "",
        "workspace": "w/demo",
        "peer": "w/demo/peers/alice",
        "conclusions": "w/demo/peers/alice?tab=conclusions",
        "conclusion": f"w/demo/conclusions/{moved}",
        "timeline": "w/demo/peers/alice/timeline",
        "session": "w/demo/sessions/first",
        "context": "w/demo/sessions/first?tab=context",
        "search": "w/demo/search?q=where+does+she+live",
        "ask": "w/demo/ask?peer=alice",
        "observers": "w/demo/observers",
        "admin": "w/demo/admin",
        "settings": "settings?all=1",
    }


def ask(page: Page) -> None:
    page.get_by_role("textbox").last.fill("Where does she live?")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Porto").first).to_be_visible()


def take(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = CommandServer(Path(home) / "omoide.db", debounce_seconds="0.05")
        try:
            with server.client() as client:
                memory.tell(client, "demo")
                screens = addresses(client)
            page = launch(playwright).new_page(viewport=SIZE, reduced_motion="reduce")  # type: ignore[arg-type]
            for name, address in screens.items():
                page.goto("about:blank")  # so that the next one is a visit, not a step within the page
                page.goto(f"{server.url}/ui/#/{address}")
                page.locator("main h1").wait_for()
                page.wait_for_load_state("networkidle")
                expect(page.locator("main .state[role=status]")).to_have_count(0)
                if name == "ask":
                    ask(page)
                page.screenshot(path=folder / f"{name}.png")
        finally:
            server.stop()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
