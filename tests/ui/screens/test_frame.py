"""What is around every view: the key, the theme, the keyboard, a phone, and a server behind a prefix or gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from omoide.core.auth import ADMIN, Keyring, Principal
from tests.conftest import SECRET
from tests.server_process import Server
from tests.ui import memory
from tests.ui.browser import Watched, require_accessible

View = Callable[[str], Page]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with authentication on, whose page may write."""
    server = Server(tmp_path_factory.mktemp("locked") / "omoide.db", auth="true", jwt_secret=SECRET, ui_writes="true")
    with client_of(server) as client:
        memory.post(client, "/v3/workspaces", {"id": "demo"})
        memory.post(client, "/v3/workspaces", {"id": "other"})
        memory.say(client, "demo", "talk", [("alice", "I keep bees.")], day=4)
    yield server
    server.stop()


def admin_key() -> str:
    return Keyring(SECRET).mint(ADMIN, now=int(time.time()))


def client_of(server: Server) -> httpx.Client:
    return server.client(headers={"authorization": f"Bearer {admin_key()}"})


def test_a_key_is_asked_for_and_kept_in_the_tab_only(watched: Watched, locked: Server) -> None:
    watched.expected = ("401",)
    page = watched.page
    page.goto(f"{locked.url}/ui/")
    expect(page.get_by_text("This server asks for a key.")).to_be_visible()
    require_accessible(page)
    page.get_by_label("Key", exact=True).fill("nonsense")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_text("This key does not open it.")).to_be_visible()
    page.get_by_label("Key", exact=True).fill(admin_key())
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("link", name="demo")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="demo")).to_be_visible()
    assert page.evaluate("[document.cookie, JSON.stringify(localStorage)]") == ["", '{"omoide-theme":"auto"}']
    page.get_by_role("button", name="Change key").click()
    page.get_by_role("button", name="Use", exact=True).click()
    expect(page.get_by_text("This server asks for a key.")).to_be_visible()


def test_a_made_key_opens_what_it_says_and_nothing_else(watched: Watched, locked: Server) -> None:
    watched.expected = ("401",)
    page = watched.page
    page.goto(f"{locked.url}/ui/")
    page.evaluate("key => sessionStorage.setItem('omoide-key', key)", admin_key())
    page.goto(f"{locked.url}/ui/#/keys")
    expect(page.get_by_role("status")).to_contain_text("everything on this server")
    page.get_by_label("Workspace (empty: all)").fill("demo")
    expect(page.get_by_role("status")).to_contain_text("everything in the workspace demo")
    require_accessible(page)
    page.get_by_role("button", name="Make the key").click()
    made = page.locator(".key").inner_text()
    with locked.client(headers={"authorization": f"Bearer {made}"}) as client:
        assert client.post("/v3/workspaces/demo/peers/list").status_code == 200
        assert client.post("/v3/workspaces/other/peers/list").status_code == 401


def test_a_key_of_a_session_opens_its_transcript_and_no_more(watched: Watched, locked: Server) -> None:
    watched.expected = ("401",)
    page = watched.page
    page.goto(f"{locked.url}/ui/#/w/demo/sessions/talk")
    key = Keyring(SECRET).mint(Principal(workspace="demo", session="talk"), now=int(time.time()))
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Use this key").click()
    message = page.get_by_role("list", name="messages").get_by_role("listitem")
    expect(message).to_contain_text("I keep bees.")
    expect(message).to_contain_text("could not be read with this key")
    page.get_by_role("link", name="Members").click()
    expect(page.get_by_role("list", name="members")).to_contain_text("until now")
    page.get_by_role("link", name="Observers").click()
    expect(page.get_by_text("This key does not open it.")).to_be_visible()


def test_a_page_that_may_not_write_offers_no_change(chromium: Browser, db_path: Path) -> None:
    server = Server(db_path, ui_writes="false")
    with server.client() as client:
        memory.post(client, "/v3/workspaces", {"id": "demo"})
    page = chromium.new_page()
    page.goto(f"{server.url}/ui/#/w/demo/admin")
    expect(page.get_by_text("OMOIDE_UI_WRITES")).to_be_visible()
    expect(page.get_by_role("button", name="Save as a file")).to_be_visible()
    for label in ("Add", "Create", "Delete…"):
        expect(page.get_by_role("button", name=label)).to_have_count(0)
    page.close()
    server.stop()


def test_the_keyboard_skips_the_header_and_a_new_view_has_the_focus(view: View) -> None:
    page = view("w/demo/admin")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("link", name="Keys").click()
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    expect(page.locator("main")).to_be_focused()
    expect(page).to_have_title("Keys · Omoide")


def test_the_theme_is_kept(view: View) -> None:
    page = view("")
    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    page.locator("main h1").wait_for()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    page.get_by_label("Theme").select_option("light")
    expect(page.locator("body")).not_to_have_css("background-color", dark)


VIEWS = [
    "",
    "keys",
    "settings?all=1",
    "nowhere/at/all",
    "w/demo/admin",
    "w/demo/observers",
    f"w/demo/peers/{'x' * 512}",
]


@pytest.mark.parametrize("address", VIEWS)
def test_nothing_is_wider_than_a_phone(view: View, page: Page, address: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    view(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    require_accessible(page)


def test_a_server_that_is_gone_is_said_and_tried_again(watched: Watched, chromium: Browser, db_path: Path) -> None:
    server = Server(db_path)
    watched.expected = ("ERR_CONNECTION_REFUSED", "503")  # it is ready a moment after it serves
    page = watched.page
    page.goto(f"{server.url}/ui/")
    expect(page.get_by_role("heading", name="Workspaces")).to_be_visible()
    port = server.url.rpartition(":")[2]
    server.stop()
    page.goto(f"{server.url}/ui/#/w/demo/admin")
    expect(page.get_by_role("alert").first).to_contain_text("could not be reached")
    again = Server(db_path, "--port", port)
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_text("Workspace not found").or_(page.get_by_text("There are none.")).first).to_be_visible()
    again.stop()


@pytest.fixture
def prefixed(shown: Server) -> Iterator[str]:
    """The address of a proxy that serves the server below `/memory`, and nothing else."""

    class Proxy(BaseHTTPRequestHandler):
        def forward(self) -> None:
            if not self.path.startswith("/memory/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            sent = {name: self.headers[name] for name in ("accept", "content-type") if name in self.headers}
            answer = httpx.request(
                self.command, shown.url + self.path.removeprefix("/memory"), content=body, headers=sent
            )
            self.send_response(answer.status_code)
            for name in ("content-type", "location", "content-security-policy"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = forward

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(server.serve_forever)
        yield f"http://127.0.0.1:{server.server_port}/memory/"
        server.shutdown()
    server.server_close()


def test_the_page_works_below_a_prefix(page: Page, prefixed: str) -> None:
    page.goto(prefixed)
    expect(page.get_by_role("heading", name="Workspaces")).to_be_visible()
    assert page.url == f"{prefixed}ui/"
    page.get_by_role("link", name="demo", exact=True).click()
    expect(page.get_by_role("heading", name="demo")).to_be_visible()
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Sessions").click()
    page.get_by_role("link", name="first", exact=True).click()
    expect(page.get_by_text("ok, thanks!")).to_be_visible()
