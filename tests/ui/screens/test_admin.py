"""The administration of a workspace in the browser: webhooks, scopes, deletion."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.server_process import Server
from tests.ui import memory
from tests.ui.browser import Watched, require_accessible

View = Callable[[str], Page]


def workspace_of_its_own(server: Server, name: str) -> str:
    with server.client() as client:
        memory.post(client, "/v3/workspaces", {"id": name})
        memory.say(client, name, "talk", [("alice", "I keep bees.")], day=4)
        memory.say(client, name, "other", [("alice", "I keep hens.")], day=5)
    return name


def test_webhooks_are_added_tried_and_deleted(view: View, shown: Server) -> None:
    name = workspace_of_its_own(shown, "hooked")
    page = view(f"w/{name}/admin")
    section = page.get_by_role("region", name="Webhooks")
    section.get_by_label("URL").fill("http://127.0.0.1:9/hook")
    section.get_by_role("button", name="Add").click()
    expect(section.get_by_role("listitem")).to_contain_text("http://127.0.0.1:9/hook")
    section.get_by_role("button", name="Send a test").click()
    expect(section.get_by_role("status")).to_have_text("A test event is on its way.")
    require_accessible(page)
    section.get_by_role("button", name="Delete http://127.0.0.1:9/hook").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(section).to_contain_text("There are none.")
    with shown.client() as client:
        assert client.get(f"/v3/workspaces/{name}/webhooks").json()["items"] == []


def test_scopes_get_and_lose_sessions(view: View, shown: Server, watched: Watched) -> None:
    watched.expected = ("404",)
    name = workspace_of_its_own(shown, "scoped")
    page = view(f"w/{name}/admin")
    section = page.get_by_role("region", name="Scopes")
    section.get_by_label("Name of a new scope").fill("therapy")
    section.get_by_role("button", name="Create").click()
    section.get_by_role("button", name="therapy").click()
    section.get_by_label("Session", exact=True).fill("talk")
    section.get_by_role("button", name="Add").click()
    expect(section.get_by_role("link", name="talk")).to_be_visible()
    require_accessible(page)
    section.get_by_label("Session", exact=True).fill("nowhere")
    section.get_by_role("button", name="Add").click()
    expect(section.get_by_role("alert")).to_contain_text("nowhere")
    section.get_by_role("button", name="Remove the session talk").click()
    expect(section).to_contain_text("It has no sessions.")


def test_a_workspace_is_deleted_with_its_sessions_after_its_name_is_typed(view: View, shown: Server) -> None:
    name = workspace_of_its_own(shown, "doomed")
    page = view(f"w/{name}/admin")
    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    confirm = dialog.get_by_role("button", name="Delete everything")
    expect(confirm).to_be_disabled()
    dialog.get_by_role("textbox").fill("doome")
    expect(confirm).to_be_disabled()
    require_accessible(page)
    dialog.get_by_role("textbox").fill("doomed")
    confirm.click()
    expect(page.get_by_role("heading", name="Workspaces")).to_be_visible()
    with shown.client() as client:
        assert "doomed" not in {one["id"] for one in client.post("/v3/workspaces/list").json()["items"]}
