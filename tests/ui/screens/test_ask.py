"""Questions: the answer as it comes, what was read for it, and what happens when it fails or is stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.ui.browser import require_accessible

View = Callable[[str], Page]


def events(*payloads: object) -> dict[str, Any]:
    """A streamed answer with these events."""
    body = "".join(f"data: {json.dumps(payload)}\n\n" for payload in payloads)
    return {"status": 200, "headers": {"content-type": "text/event-stream"}, "body": body}


def question(page: Page, text: str) -> None:
    page.get_by_label("Question").fill(text)
    page.get_by_role("button", name="Ask", exact=True).click()


def test_an_answer_is_announced_and_its_evidence_leads_to_the_message(view: View) -> None:
    page = view("w/demo/ask")
    page.get_by_label("Ask peer").fill("bob")
    page.get_by_label("Question").fill("What is he allergic to?")
    page.get_by_label("Question").press("Enter")
    asked = page.get_by_role("article")
    expect(asked.locator(".answer")).to_contain_text("peanuts")
    expect(page.get_by_role("status").first).to_contain_text("Answer: bob is allergic to peanuts")
    conclusion = asked.get_by_role("listitem").filter(has_text="bob is allergic to peanuts")
    expect(conclusion).to_contain_text("in the answer")
    assert page.url.endswith("?peer=bob&q=What+is+he+allergic+to%3F")
    require_accessible(page)
    message = asked.locator("a[href*='message=']").first
    message.click()
    expect(page.locator("[aria-current=true].marked")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("article").locator(".answer")).to_contain_text("peanuts")
    page.get_by_role("button", name="Forget all").click()
    expect(page.get_by_role("article")).to_have_count(0)


def test_a_quotation_in_the_answer_leads_to_its_message(view: View) -> None:
    page = view("w/demo/ask")
    message = {"id": "m1", "session_id": "first", "peer_id": "bob", "created_at": "2026-11-01T10:00:00Z"}
    message["content"] = "My sister Carla\nlives in Porto. I am allergic to peanuts."
    evidence = {"conclusions": [], "messages": [message], "tool_calls": []}
    answer = 'bob said: "… Carla lives in Porto. … peanuts." <b>He</b> never said "anything like that".'
    stream = events({"delta": {"content": answer[:20]}}, {"delta": {"content": answer[20:]}},
                    {"done": True, "evidence": evidence})  # fmt: skip
    page.route("**/chat", lambda route: route.fulfill(**stream))
    question(page, "Where does Carla live?")
    said = page.get_by_role("article").locator(".answer")
    expect(said).to_have_text(answer)
    expect(said.get_by_role("link")).to_have_text('"… Carla lives in Porto. … peanuts."')
    expect(said.get_by_role("link")).to_have_attribute("href", "#/w/demo/sessions/first?message=m1")


def test_the_address_fills_the_form_and_what_is_asked_is_as_in_it(view: View) -> None:
    page = view("w/demo/ask?q=Hm%3F&peer=bob&target=alice&session=first&scope=s&level=high")
    page.route("**/chat", lambda route: route.fulfill(**events({"done": True})))
    with page.expect_request("**/peers/bob/chat") as sent:
        page.get_by_role("button", name="Ask", exact=True).click()
    assert sent.value.post_data_json == {
        "query": "Hm?", "stream": True, "include_evidence": True, "session_id": "first", "scope": "s",
        "reasoning_level": "high", "target": "alice",
    }  # fmt: skip
    expect(page.get_by_text("The answer is empty.")).to_be_visible()


def test_a_stream_that_fails_keeps_what_came_and_says_why(view: View) -> None:
    page = view("w/demo/ask")
    broken = events({"delta": {"content": "Alice lives"}}, {"done": False, "error": {"detail": "The model is away"}})
    page.route("**/chat", lambda route: route.fulfill(**broken))
    question(page, "Where?")
    failed = page.get_by_role("article").first
    expect(failed.get_by_role("alert")).to_contain_text("The model is away")
    expect(failed.locator(".answer")).to_have_text("Alice lives")
    require_accessible(page)
    page.unroute("**/chat")
    cut = events({"delta": {"content": "Alice"}})
    page.route("**/chat", lambda route: route.fulfill(**cut))
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("alert").first).to_contain_text("The answer was cut off")


def test_an_answer_can_be_stopped(view: View) -> None:
    page = view("w/demo/ask")
    page.route("**/chat", lambda route: None)  # never answered
    question(page, "What takes so long?")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped here.")).to_be_visible()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()
