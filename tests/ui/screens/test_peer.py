"""Peers: who there is, what is known about one and by whom, how it changed, and how to put it right."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.server_process import Server
from tests.ui import memory
from tests.ui.browser import Watched, require_accessible

View = Callable[[str], Page]


def test_peers_are_found_by_a_part_of_their_id(view: View) -> None:
    page = view("w/demo/peers")
    items = page.get_by_role("list", name="peers").get_by_role("listitem")
    expect(items).to_have_count(11)
    expect(items.filter(has_text="helper")).to_contain_text("not observed")
    expect(items.filter(has_text="alice")).to_contain_text(re.compile(r"\d conclusions about it"))
    expect(items.filter(has_text="__proto__")).to_contain_text("since")
    require_accessible(page)
    page.get_by_label("Order").select_option("oldest")
    expect(items.first).to_contain_text("helper")
    page.get_by_label("Search by id").fill("LIC")
    expect(items).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="peers: 1")).to_be_attached()
    page.reload()
    expect(items).to_have_text(re.compile("alice"))
    items.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("alice")
    view("w/demo/peers?q=nobody")
    expect(page.get_by_text("No peer has this in its id.")).to_be_visible()


def test_who_knows_what_about_whom_is_chosen_and_kept_in_the_address(view: View, changed: str) -> None:
    page = view(f"w/{changed}/peers/bob")
    page.get_by_role("link", name=re.compile(r"alice \(\d+\)")).click()
    expect(page.get_by_label("As known by")).to_have_value("bob")
    page.get_by_role("link", name="Conclusions").click()
    first = page.get_by_role("list", name="conclusions").get_by_role("listitem").first
    expect(first).to_contain_text("about alice, held by bob")
    page.get_by_label("As known by").select_option("alice")
    expect(page.get_by_text("held by bob")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/peers/alice\?tab=conclusions$"))
    page.go_back()
    expect(page.get_by_label("As known by")).to_have_value("bob")


def test_conclusions_are_narrowed_by_level_status_time_and_a_search(view: View, changed: str) -> None:
    page = view(f"w/{changed}/peers/alice?tab=conclusions")
    items = page.get_by_role("list", name="conclusions").get_by_role("listitem")
    expect(items.filter(has_text="alice lives in Porto now")).to_be_visible()
    expect(items.filter(has_text="alice lives in Lisbon")).to_have_count(0)
    require_accessible(page)
    page.get_by_label("Status").select_option("*")
    expect(items.filter(has_text="alice lives in Lisbon")).to_contain_text("superseded")
    page.get_by_label("Level").select_option("explicit")
    page.get_by_label("Said from").fill("2026-11-02")
    page.get_by_label("Said until").fill("2026-11-02")
    expect(items).to_have_count(2)
    page.reload()
    expect(items).to_have_text([re.compile("only child|Porto"), re.compile("only child|Porto")])
    page.get_by_label("Search by words and meaning").fill("in Porto")
    expect(items.first.locator("mark")).to_have_text("Porto")
    items.first.locator("summary").click()
    expect(items.first).to_contain_text("Place by words")
    require_accessible(page)
    page.get_by_label("Level").select_option("deductive")
    expect(page.get_by_text("No conclusion matches.")).to_be_visible()
    page.get_by_role("button", name="Show all current ones").click()
    expect(items.first).to_be_visible()
    expect(page.get_by_label("Search by words and meaning")).to_have_value("")


def test_changes_say_what_took_the_place_of_what(view: View, changed: str) -> None:
    page = view(f"w/{changed}/peers/alice?tab=changes")
    change = page.get_by_role("listitem").filter(has_text="alice lives in Lisbon")
    expect(change).to_contain_text("Replaced by what was said later: alice lives in Porto now")
    require_accessible(page)
    page.get_by_label("Kind").select_option("invalid")
    expect(page.get_by_text("Nothing has changed.")).to_be_visible()
    page.get_by_role("link", name="Sessions").last.click()
    expect(page.get_by_role("link", name="day-4")).to_be_visible()


def test_the_representation_is_what_a_prompt_gets(view: View, shown: Server, changed: str) -> None:
    page = view(f"w/{changed}/peers/alice?tab=representation&observer=bob&q=instruments")
    with shown.client() as client:
        asked = {"target": "alice", "search_query": "instruments"}
        text = client.post(f"/v3/workspaces/{changed}/peers/bob/representation", json=asked).json()["representation"]
    assert "cello" in text
    expect(page.get_by_label("Representation", exact=True)).to_have_text(text, use_inner_text=True)
    page.get_by_role("button", name="Copy the text").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    require_accessible(page)
    view("w/demo/peers/helper?tab=representation")
    expect(page.get_by_text("Nothing is known yet.")).to_be_visible()


@pytest.fixture
def own(shown: Server, request: pytest.FixtureRequest) -> str:
    """A workspace for one test, in which alice tells two things."""
    workspace = request.node.name[:60]
    with shown.client() as client:
        memory.post(client, "/v3/workspaces", {"id": workspace})
        memory.say(client, workspace, "talk", [("alice", "I live in Rome."), ("alice", "I work as a nurse.")], day=4)
        memory.settle(client, workspace)
    return str(workspace)


def card_of(client: httpx.Client, workspace: str) -> list[str]:
    return client.get(f"/v3/workspaces/{workspace}/peers/alice/card").json()["peer_card"]  # type: ignore[no-any-return]


def test_lines_of_the_card_are_edited_added_and_removed(view: View, shown: Server, own: str) -> None:
    page = view(f"w/{own}/peers/alice")
    lines = page.get_by_role("list", name="Lines of the card").get_by_role("listitem")
    expect(lines).to_have_count(2)
    require_accessible(page)
    expect(lines.first.get_by_role("link", name="Why line 1")).to_have_attribute("href", re.compile("/conclusions/"))
    page.get_by_role("button", name="Edit line 1").click()
    expect(page.get_by_label("Line", exact=True)).to_be_focused()
    require_accessible(page)
    page.get_by_label("Line", exact=True).fill("ATTRIBUTE: lives in <b>Oslo</b>")
    page.get_by_role("button", name="Save").click()
    expect(lines.first).to_contain_text("ATTRIBUTE: lives in <b>Oslo</b> written")
    page.get_by_role("button", name="Remove line 2").click()
    expect(lines).to_have_count(1)
    page.get_by_role("button", name="Add a line").click()
    page.get_by_label("Line", exact=True).fill("ATTRIBUTE: has a parrot")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Line", exact=True)).to_have_count(0)
    expect(lines).to_have_count(2)
    with shown.client() as client:
        assert card_of(client, own) == ["ATTRIBUTE: lives in <b>Oslo</b>", "ATTRIBUTE: has a parrot"]
        client.put(f"/v3/workspaces/{own}/peers/alice/card", json={"peer_card": ["ATTRIBUTE: new"]})
        page.get_by_role("button", name="Remove line 1").click()
        expect(page.get_by_role("alert")).to_contain_text("has changed this line meanwhile")
        assert card_of(client, own) == ["ATTRIBUTE: new"]


def test_a_dream_is_scheduled_and_a_peer_is_forgotten_once_its_id_is_typed(view: View, shown: Server, own: str) -> None:
    page = view(f"w/{own}/peers/alice")
    page.get_by_role("button", name="Dream now").click()
    expect(page.get_by_text("The dream is scheduled")).to_be_visible()
    page.get_by_role("button", name="Forget this peer…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("what anybody concluded about it (2)")
    require_accessible(page)
    forget = dialog.get_by_role("button", name="Forget it for good")
    expect(forget).to_be_disabled()
    dialog.get_by_label("to confirm").fill("alice")
    forget.click()
    expect(page.get_by_role("heading", name="Peers")).to_be_visible()
    expect(page.get_by_text("Nobody has spoken yet.")).to_be_visible()
    with shown.client() as client:
        assert client.post(f"/v3/workspaces/{own}/peers/list").json()["total"] == 0
    view(f"w/{own}/peers/alice")
    expect(page.get_by_text("There is no peer with this id.")).to_be_visible()
    require_accessible(page)


@pytest.mark.parametrize("tab", ["card", "conclusions", "representation", "changes", "sessions"])
def test_what_others_wrote_stays_text_and_within_a_phone(view: View, page: Page, tab: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    view(f"w/demo/peers/mallory?tab={tab}")
    expect(page.get_by_role("status").filter(has_text="Loading")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("window.hacked") is None
    require_accessible(page)


def test_a_peer_with_a_long_id_is_within_a_phone(view: View, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    view(f"w/demo/peers/{'x' * 512}")
    expect(page.get_by_text("This card is empty.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_fails_is_said_where_it_happens(watched: Watched, view: View) -> None:
    watched.expected = ("503", "500")
    page = watched.page
    page.route("**/alice/card?*", lambda route: route.fulfill(status=503, json={"detail": "The database is busy"}))
    page.route("**/schedule_dream", lambda route: route.fulfill(status=500, json={"detail": "No dreams today"}))
    view("w/demo/peers/alice")
    expect(page.get_by_role("alert")).to_contain_text("The database is busy")
    page.get_by_role("button", name="Dream now").click()
    expect(page.get_by_role("alert").first).to_contain_text("No dreams today")
    page.unroute("**/alice/card?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("list", name="Lines of the card")).to_contain_text("IDENTITY")
