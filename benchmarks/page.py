"""How long each screen of the page takes to its first paint and to its content, with 50,000 messages.

Needs Chromium. `python -m benchmarks.page` prints a table; the times are of a fresh visit, without a browser's cache.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Playwright, Response, sync_playwright

from benchmarks import page_database, servers
from benchmarks.page_database import LONG_SESSION, WORKSPACE

ROUNDS = 3
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
SCREENS = {
    "home": "",
    "workspace": f"w/{WORKSPACE}",
    "queue": f"w/{WORKSPACE}/queue",
    "peers": f"w/{WORKSPACE}/peers",
    "peer": f"w/{WORKSPACE}/peers/idris",
    "conclusions of a peer": f"w/{WORKSPACE}/peers/idris?tab=conclusions",
    "timeline": f"w/{WORKSPACE}/peers/idris/timeline",
    "sessions": f"w/{WORKSPACE}/sessions",
    "transcript": f"w/{WORKSPACE}/sessions/{LONG_SESSION}",
    "context": f"w/{WORKSPACE}/sessions/{LONG_SESSION}?tab=context",
    "search": f"w/{WORKSPACE}/search?q=the+old+harbour",
    "observers": f"w/{WORKSPACE}/observers",
    "ask": f"w/{WORKSPACE}/ask",
    "admin": f"w/{WORKSPACE}/admin",
    "settings": "settings",
}
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


@dataclass(frozen=True)
class Visit:
    """A visit of a screen: milliseconds to its first paint and to its content, requests, and the largest answer."""

    paint: float
    content: float
    requests: int
    largest: int


def visit(browser: Browser, url: str) -> Visit:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(url)
    page.locator("main h1").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function("!document.querySelector('main .state[role=status]')")
    content = page.evaluate("performance.getEntriesByType('resource').reduce((t, r) => Math.max(t, r.responseEnd), 0)")
    paint = page.evaluate(PAINT)
    largest = max(int(answer.headers.get("content-length", 0)) for answer in answers)
    page.close()
    return Visit(paint, content, len(answers), largest)


def launch(playwright: Playwright) -> Browser:
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)))
    return playwright.chromium.launch(executable_path=executable, args=FLAGS)


def main() -> None:
    print("| screen | first paint ms | content ms | requests | largest answer kB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        page_database.fill(Path(folder) / servers.DATABASE)
        with sync_playwright() as playwright, servers.omoide(Path(folder), embedder="wordllama") as server:
            host, port = server.address
            browser = launch(playwright)
            for name, address in SCREENS.items():
                visits = [visit(browser, f"http://{host}:{port}/ui/#/{address}") for _ in range(ROUNDS)]
                paint, content = (
                    statistics.median(getattr(each, what) for each in visits) for what in ("paint", "content")
                )
                print(
                    f"| {name} | {paint:.0f} | {content:.0f} | {visits[0].requests} | {visits[0].largest / 1000:.0f} |"
                )


if __name__ == "__main__":
    main()
