"""What the tests of the page share: a browser, and a page that fails its test for what no page may do."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Response

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")  # the first starts fastest
EXECUTABLE = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
MAX_RESPONSE_BYTES = 1_000_000
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
WAIT_MILLISECONDS = 30_000  # for what a busy machine does late; a test never waits longer than it takes


def launch(playwright: Playwright) -> Browser:
    if EXECUTABLE is None:
        pytest.skip("no Chromium: make browser")
    return playwright.chromium.launch(executable_path=EXECUTABLE, args=FLAGS)


@dataclass
class Watched:
    """A page and what it did: messages of its console, errors, and answers that are too large."""

    page: Page
    faults: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of faults that the test provokes, such as `401`."""

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MILLISECONDS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.location["url"].endswith("/ready"):
            return  # a server that has just started says that no worker is running yet
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text}")

    def _response(self, response: Response) -> None:
        if int(response.headers.get("content-length", 0)) > MAX_RESPONSE_BYTES:
            self.faults.append(f"too large: {response.url}")

    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(part in fault for part in self.expected)]


def violations(page: Page, rules: Mapping[str, object] = RULES) -> list[str]:
    """What axe-core finds on the page as it is: rule, and the elements."""
    found = Axe().run(page, options=dict(rules)).response["violations"]
    return [f"{rule['id']}: {rule['help']}: {[node['html'] for node in rule['nodes']][:5]}" for rule in found]


def require_accessible(page: Page) -> None:
    """Assert that axe-core finds nothing in light, and no lack of contrast in dark, which differs in colours only."""
    for scheme, rules in (("light", RULES), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found = violations(page, rules)
        assert not found, (scheme, found)
