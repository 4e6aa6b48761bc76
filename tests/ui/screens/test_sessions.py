"""The list of sessions, and the view of one: transcript, summaries, members, context."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import httpx
import pytest
from honcho import Honcho
from playwright.sync_api import Page, expect

from tests.server_process import Server
from tests.ui import memory
from tests.ui.browser import Watched, require_accessible

View = Callable[[str], Page]


@pytest.fixture(scope="module")
def long_session(shown: Server) -> list[str]:
    """The session `long` of the workspace `talk`, of which nothing is learned: 260 messages, said in no order."""
    quiet = {"id": "narrator", "configuration": {"observe_me": False}}
    said = [{"peer_id": "narrator", "content": f"line {n}", "created_at": f"2026-11-05T10:{n * 37 % 60:02}:00Z"}
            for n in range(1, 261)]  # fmt: skip
    path = "/v3/workspaces/talk/sessions"
    ids: list[str] = []
    with shown.client() as client:
        memory.post(client, "/v3/workspaces/talk/peers", quiet)
        memory.post(client, path, {"id": "long"})
        for start in range(0, len(said), 100):
            added = memory.post(client, f"{path}/long/messages", {"messages": said[start : start + 100]})
            ids += [message["id"] for message in added]
    return ids


def test_sessions_are_listed_with_what_was_said_last_and_found_by_part_of_their_id(view: View) -> None:
    page = view("w/demo/sessions")
    rows = page.get_by_role("list", name="sessions").get_by_role("listitem")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("I have a brother called Tiago")
    expect(rows.nth(2)).to_contain_text("6 messages")
    require_accessible(page)
    page.get_by_label("Id contains").fill("SEC")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(f"{page.url.split('?')[0]}?q=SEC")
    page.reload()
    expect(page.get_by_label("Id contains")).to_have_value("SEC")
    page.get_by_label("Id contains").fill("nowhere")
    expect(page.get_by_text("No session has “nowhere” in its id.")).to_be_visible()
    page.get_by_label("Id contains").fill("")
    page.get_by_label("Order").select_option("oldest")
    expect(rows.first.get_by_role("heading")).to_have_text("first")


def test_a_message_shows_what_was_learned_from_it_and_why_if_nothing_was(view: View) -> None:
    page = view("w/demo/sessions/first")
    messages = page.get_by_role("list", name="messages").locator(":scope > div > [role=listitem]")
    expect(messages).to_have_count(6)
    learned = messages.nth(3).get_by_role("list", name="Learned from it")
    expect(learned.get_by_role("listitem")).to_have_count(2)
    expect(learned.get_by_role("link", name="bob is allergic to peanuts")).to_have_attribute(
        "href", re.compile("^#/w/demo/conclusions/")
    )
    messages.nth(1).get_by_role("button", name="Why?").click()
    expect(messages.nth(1)).to_contain_text("Not observed.")
    expect(messages.nth(1).locator(".nothing")).to_be_focused()
    messages.nth(4).get_by_role("button", name="Why?").click()
    expect(messages.nth(4)).to_contain_text("Nothing found.")
    require_accessible(page)


def test_a_conversation_is_seen_forming(view: View, page: Page, shown: Server) -> None:
    page.clock.install()
    with shown.client() as client:
        memory.post(client, "/v3/workspaces/forming/sessions", {"id": "s"})
        view("w/forming/sessions/s")
        expect(page.get_by_text("Nothing was said here yet.")).to_be_visible()
        memory.say(client, "forming", "s", [("ann", "I live in Rome.")], day=8)
        memory.settle(client, "forming")
    page.clock.fast_forward(5_000)
    expect(page.get_by_role("link", name="ann lives in Rome")).to_be_visible()


def test_what_was_said_often_is_shown_at_each_message(view: View, shown: Server) -> None:
    with shown.client() as client:
        for said in ([("ann", "I live in Rome.")] * 20 + [("ann", "ok")] * 2, [("ann", "I live in Rome.")] * 3):
            memory.say(client, "often", "s", said, day=8)
            memory.settle(client, "often")
    page = view("w/often/sessions/s")
    messages = page.get_by_role("list", name="messages")
    expect(messages.get_by_role("link", name="ann lives in Rome")).to_have_count(23)
    expect(messages.get_by_role("button", name="Why?")).to_have_count(2)
    page.get_by_role("link", name="Summaries").click()
    page.get_by_role("link", name="The last message that it covers").click()
    expect(page.locator(".marked")).to_be_visible()


def test_what_others_wrote_stays_text(view: View) -> None:
    page = view("w/demo/sessions/hostile")
    expect(page.get_by_text("<script>window.hacked = true</script>").first).to_be_visible()
    page.get_by_role("button", name="Show all 24,018 characters").click()
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    require_accessible(page)


def test_sessions_search_and_questions_are_within_a_phone(view: View, page: Page, shown: Server) -> None:
    long = "y" * 512
    with shown.client() as client:
        memory.post(client, "/v3/workspaces/talk/sessions", {"id": long, "metadata": {"note": "z" * 3000}})
        memory.say(client, "talk", long, [(long, "line\n" * 100), ("__proto__", ""), (long, "b" * 24_000)], day=7)
    page.set_viewport_size({"width": 390, "height": 844})
    session = f"sessions/{long}"
    for address in ("sessions", session, f"{session}?tab=members", f"{session}?tab=context&target={long}",
                    f"search?q=line&session={long}", f"ask?q=Who&peer={long}", f"observers?peer={long}"):  # fmt: skip
        view(f"w/talk/{address}")
        expect(page.get_by_role("status").filter(has_text="Loading")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address


def test_an_address_leads_to_a_message_in_a_long_session(view: View, page: Page, long_session: list[str]) -> None:
    view(f"w/talk/sessions/long?message={long_session[0]}")
    expect(page.locator(".marked")).to_contain_text("line 1")
    view(f"w/talk/sessions/long?message={long_session[173]}")
    marked = page.locator("[aria-current=true].marked")
    expect(marked).to_contain_text("line 174")
    expect(marked).to_be_in_viewport()
    expect(marked).to_be_focused()
    page.get_by_label("Go to number").fill("40")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.get_by_text("line 40", exact=True)).to_be_in_viewport()
    assert page.url.endswith("?from=40")
    page.get_by_role("button", name="Last").click()
    expect(page.get_by_text("line 260", exact=True)).to_be_in_viewport()


def test_an_unknown_message_and_an_unknown_session_are_said(watched: Watched, view: View) -> None:
    watched.expected = ("404",)
    page = view("w/demo/sessions/first?message=gone")
    expect(page.get_by_role("alert")).to_contain_text("not found")
    page = view("w/demo/sessions/nothing")
    expect(page.get_by_role("alert")).to_contain_text("There is no session “nothing”.")


def test_members_are_shown_with_their_stays(view: View, shown: Server) -> None:
    with shown.client() as client:
        path = "/v3/workspaces/talk/sessions/stays"
        memory.post(client, "/v3/workspaces/talk/sessions", {"id": "stays", "peers": {"ann": {"observe_others": True}}})
        client.request("DELETE", f"{path}/peers", json=["ann"])
        memory.post(client, f"{path}/peers", {"ann": {}, "guest": {}})
        client.request("DELETE", f"{path}/peers", json=["guest"])
    page = view("w/talk/sessions/stays?tab=members")
    members = page.get_by_role("list", name="members").locator(":scope > div > [role=listitem]")
    expect(members.first.get_by_role("listitem")).to_have_count(2)
    expect(members.first.get_by_role("listitem").first).to_contain_text("until now")
    expect(members.first.get_by_role("listitem").last).to_contain_text("(by admin) until")
    expect(members.last).to_contain_text("has left")
    require_accessible(page)


def test_a_session_without_summary_or_messages_says_so(view: View, shown: Server) -> None:
    with shown.client() as client:
        memory.post(client, "/v3/workspaces/talk/sessions", {"id": "empty"})
    page = view("w/talk/sessions/empty")
    expect(page.get_by_text("Nothing was said here yet.")).to_be_visible()
    page.get_by_role("link", name="Summaries").click()
    expect(page.get_by_text("There is no summary yet.")).to_be_visible()
    page.get_by_role("link", name="Members").click()
    expect(page.get_by_text("Nobody was in this session.")).to_be_visible()
    page.get_by_role("link", name="Context").click()
    expect(page.get_by_text("None fit.")).to_be_visible()


def test_the_context_follows_the_budget_and_is_copied_as_the_sdk_makes_it(view: View, shown: Server) -> None:
    page = view("w/demo/sessions/first?tab=context&target=alice")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.get_by_role("heading", name="of 2,000 tokens")).to_be_visible()
    page.get_by_label("The assistant is").select_option("helper")
    with httpx.Client() as http:
        session = Honcho(base_url=shown.url, workspace_id="demo", http_client=http).session("first")
        context = session.context(tokens=2000, peer_target="alice")
    for name, expected in (("OpenAI", context.to_openai), ("Anthropic", context.to_anthropic)):
        button = page.get_by_role("button", name=f"Copy as {name} messages")
        button.click()
        expect(button).to_have_count(0)  # it says "Copied" for a moment
        assert json.loads(page.evaluate("navigator.clipboard.readText()")) == expected(assistant="helper")
    shares = [int(text.replace(",", "")) for text in page.locator(".legend dd").all_inner_texts()]
    assert sum(shares) == 2000
    assert all(shares[index] > 0 for index in (0, 1, 3))  # representation, card, messages; there is no summary
    require_accessible(page)
    page.get_by_label("Token budget").press("Home")
    expect(page.get_by_role("heading", name="of 100 tokens")).to_be_visible()
    assert "tokens=100" in page.url


HOSTILE_TEXTS = [
    *("plain", "it's", 'say "hi"', "both ' and \"", "back\\slash", "a\nb\tc\r", "\x00\x7f\xa0\xad", "日本\u3000語"),
    *("\u202eevil", "👍🏽", "\u2028", "\U000e0001", "é ñ", "\ufeff", "\ud7ff\ue000"),
]


def test_a_card_is_written_as_python_writes_a_list(view: View) -> None:
    page = view("w/demo/sessions")
    written = page.evaluate(
        "async texts => (await import('./static/views/session/formats.js')).listOf(texts)", HOSTILE_TEXTS
    )
    assert written == repr(HOSTILE_TEXTS)


def test_deleting_a_session_needs_its_id(view: View, shown: Server) -> None:
    with shown.client() as client:
        memory.post(client, "/v3/workspaces/talk/sessions", {"id": "doomed"})
        page = view("w/talk/sessions/doomed")
        page.get_by_role("button", name="Delete…").click()
        delete = page.get_by_role("dialog").get_by_role("button", name="Delete the session")
        expect(delete).to_be_disabled()
        require_accessible(page)
        page.get_by_label("to confirm").fill("doomed")
        delete.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sessions of talk")
        left = client.post("/v3/workspaces/talk/sessions/list", json={"filters": {"id": "doomed"}}).json()
    assert left["total"] == 0
