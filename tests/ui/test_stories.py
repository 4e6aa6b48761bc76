"""Four things that somebody must be able to do with the page, from the first screen on, by clicking only."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server_process import Server
from tests.ui import memory

View = Callable[[str], Page]


@pytest.fixture
def story(shown: Server, fresh: Callable[[str], str]) -> str:
    """A workspace of its own in which the friends have talked."""
    name = fresh("story")
    with shown.client() as client:
        memory.tell(client, name)
    return name


def enter(view: View, workspace: str, section: str) -> Page:
    page = view("")
    page.get_by_role("link", name=workspace, exact=True).click()
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name=section).click()
    return page


def asked(page: Page, peer: str, question: str) -> str:
    """The answer to a question that is asked on the page."""
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Ask").click()
    page.get_by_label("Ask peer").fill(peer)
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Answer:")
    return page.get_by_role("article").first.locator(".answer").inner_text()


def test_find_why_the_server_believes_something(view: View, story: str) -> None:
    page = enter(view, story, "Search")
    page.get_by_label("What to find").fill("peanuts")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="bob is allergic to peanuts").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("bob is allergic to peanuts")
    expect(page.get_by_text("bob said it on")).to_be_visible()
    page.locator("a[href*='message=']").first.click()
    expect(page.locator("[aria-current=true].marked")).to_contain_text("I am allergic to peanuts.")


def test_correct_it_and_see_the_answer_change(view: View, story: str, shown: Server) -> None:
    page = enter(view, story, "Peers")
    assert "peanuts" in asked(page, "bob", "What is he allergic to?")
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Peers").click()
    page.get_by_role("link", name="bob", exact=True).click()
    page.get_by_role("link", name="Conclusions").click()
    page.get_by_role("link", name="bob is allergic to peanuts").click()
    page.get_by_role("button", name="Correct…").click()
    page.get_by_label("What is true instead").fill("bob is allergic to walnuts")
    page.get_by_label("Why (the history shows it)").fill("He mixed them up.")
    page.get_by_role("button", name="Correct it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("walnuts")
    expect(page.get_by_text("He mixed them up.", exact=True)).to_be_visible()
    with shown.client() as client:
        memory.settle(client, story)
    answer = asked(page, "bob", "What is he allergic to?")
    assert "walnuts" in answer, answer


def test_forget_a_person(view: View, story: str, shown: Server) -> None:
    page = enter(view, story, "Peers")
    page.get_by_role("link", name="bob", exact=True).click()
    page.get_by_role("button", name="Forget this peer…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("bob")
    dialog.get_by_role("button", name="Forget it for good").click()
    expect(dialog).to_have_count(0)
    with shown.client() as client:
        memory.settle(client, story)
        export = client.get(f"/v3/workspaces/{story}/export").raise_for_status().text
    assert "Tiago" in export
    assert "peanuts" not in export
    assert "Carla" not in export
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Search").click()
    page.get_by_label("What to find").fill("peanuts")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status").first).to_be_attached()
    expect(page.get_by_text("allergic")).to_have_count(0)


def test_see_why_nothing_was_derived(view: View, story: str) -> None:
    page = enter(view, story, "Sessions")
    page.get_by_role("link", name="first", exact=True).click()
    thanks = page.get_by_role("listitem").filter(has_text="ok, thanks!")
    thanks.get_by_role("button", name="Why?").click()
    expect(thanks).to_contain_text("Nothing found.")
    assistant = page.get_by_role("listitem").filter(has_text="Welcome to Lisbon!")
    assistant.get_by_role("button", name="Why?").click()
    expect(assistant).to_contain_text("observe_me")
