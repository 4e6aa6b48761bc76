"""A conclusion: why the server believes it, what follows from it, and how to put it right."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.server_process import Server
from tests.ui import memory
from tests.ui.browser import Watched, require_accessible

View = Callable[[str], Page]


def conclusion_id(server: Server, workspace: str, **filters: str) -> str:
    with server.client() as client:
        body = {"filters": {"observer_id": "alice", "status": "*", **filters}}
        (found,) = client.post(f"/v3/workspaces/{workspace}/conclusions/list", json=body).json()["items"]
    return str(found["id"])


def test_the_chain_leads_down_to_the_messages(view: View, shown: Server, changed: str) -> None:
    page = view(f"w/{changed}/conclusions/{conclusion_id(shown, changed, level='inductive')}")
    expect(page.get_by_text("It is a pattern over 3 conclusions.")).to_be_visible()
    sources = page.get_by_role("region", name="Where it comes from")
    expect(sources.get_by_role("article")).to_have_count(3)
    expect(sources).to_contain_text("I love hiking in the mountains so much.")
    expect(page.get_by_role("region", name="History")).to_contain_text("derived from other conclusions")
    require_accessible(page)
    sources.get_by_role("link", name="Message").last.click()
    expect(page.locator("[aria-current=true].marked")).to_contain_text("I love hiking in the mountains")


def test_it_leads_up_to_contradictions_and_lines_of_the_card(view: View, shown: Server, changed: str) -> None:
    page = view(f"w/{changed}/conclusions/{conclusion_id(shown, changed, content='alice is an only child')}")
    expect(page.get_by_text("alice said it on Nov 2, 2026")).to_be_visible()
    follows = page.get_by_role("region", name="What follows from it")
    expect(follows).to_contain_text("It contradicts something else")
    expect(follows.get_by_role("link", name="ATTRIBUTE: is an only child")).to_be_visible()
    require_accessible(page)
    follows.get_by_role("link", name="two statements do not go together").click()
    expect(page.get_by_text("These 2 statements cannot both hold.")).to_be_visible()
    expect(page.get_by_role("region", name="Where it comes from")).to_contain_text("My brother Tiago plays the cello.")


def test_what_is_no_longer_held_says_since_when_and_what_took_its_place(
    view: View, shown: Server, changed: str
) -> None:
    page = view(f"w/{changed}/conclusions/{conclusion_id(shown, changed, content='alice lives in Lisbon')}")
    expect(page.get_by_text("something newer was said")).to_be_visible()
    expect(page.get_by_role("button", name="Correct…")).to_have_count(0)
    history = page.get_by_role("region", name="History")
    expect(history.get_by_role("listitem").first).to_contain_text("took the place of another, which ceased to hold")
    require_accessible(page)
    page.get_by_role("link", name="What took its place").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("alice lives in Porto now")


def answer(client: httpx.Client, workspace: str) -> str:
    asked = {"query": "Where does alice live?"}
    return str(client.post(f"/v3/workspaces/{workspace}/peers/alice/chat", json=asked).json()["content"])


def test_a_correction_changes_the_answer_and_forgetting_removes_it(view: View, shown: Server) -> None:
    with shown.client() as client:
        memory.post(client, "/v3/workspaces", {"id": "correct"})
        memory.say(client, "correct", "talk", [("alice", "I live in Rome.")], day=4)
        memory.settle(client, "correct")
        assert "Rome" in answer(client, "correct")
        page = view(f"w/correct/conclusions/{conclusion_id(shown, 'correct')}")
        page.get_by_role("button", name="Correct…").click()
        require_accessible(page)
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Correct it")).to_be_disabled()
        dialog.get_by_label("What is true instead").fill("alice lives in Oslo")
        dialog.get_by_label("Why").fill("It was <i>a joke</i>.")
        dialog.get_by_role("button", name="Correct it").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("alice lives in Oslo")
        expect(page.get_by_role("region", name="History")).to_contain_text("It was <i>a joke</i>.")
        expect(page.get_by_text("Somebody corrected what was concluded")).to_contain_text("It was <i>a joke</i>.")
        assert "Oslo" in answer(client, "correct")
        assert "Rome" not in answer(client, "correct")
        view("w/correct/peers/alice?tab=changes")
        expect(page.get_by_role("list", name="changes")).to_contain_text("Corrected to: alice lives in Oslo")
        page.get_by_role("link", name="alice lives in Oslo").click()
        page.get_by_role("button", name="Forget…").click()
        expect(page.get_by_role("dialog")).to_contain_text("alice lives in Oslo")
        page.get_by_role("button", name="Forget it for good").click()
        expect(page.get_by_text("Nothing is known yet.")).to_be_visible()
        assert client.post("/v3/workspaces/correct/conclusions/list").json()["total"] == 0


def test_a_conclusion_that_is_gone_is_said(watched: Watched, view: View) -> None:
    watched.expected = ("404",)
    page = view("w/demo/conclusions/nothing")
    expect(page.get_by_role("alert")).to_contain_text("not found")
    require_accessible(page)
