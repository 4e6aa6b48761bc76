"""Search in messages and conclusions: what is found, why, and where it leads."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.ui.browser import Watched, require_accessible

View = Callable[[str], Page]


def test_what_is_found_is_marked_and_leads_to_its_place(view: View) -> None:
    page = view("w/demo/search")
    expect(page.get_by_role("heading", name="Newest messages")).to_be_visible()
    page.get_by_label("What to find").fill("where does Carla live")
    page.get_by_label("What to find").press("Enter")
    messages = page.get_by_role("region", name="Messages")
    first = messages.get_by_role("listitem").first
    expect(first).to_contain_text("My sister Carla lives in Porto.")
    expect(first.locator("mark")).to_have_text(["Carla", "lives"])
    expect(page.get_by_label("What to find")).to_be_focused()
    first.locator("summary").click()
    expect(first.get_by_text("has words of the query.")).to_be_visible()
    expect(first.get_by_role("definition").first).to_have_text("1")
    conclusions = page.get_by_role("region", name="Conclusions")
    expect(conclusions.locator("summary").first).to_contain_text("words")
    expect(conclusions.get_by_role("link", name="bob's sister Carla lives in Porto")).to_be_visible()
    require_accessible(page)
    first.get_by_role("link", name="Message").click()
    expect(page.locator("[aria-current=true].marked")).to_contain_text("My sister Carla lives in Porto.")


def test_peer_session_and_reranking_are_in_the_address(view: View) -> None:
    page = view("w/demo/search?q=Lisbon")
    page.get_by_label("Said by or about peer").fill("alice")
    page.get_by_label("In session").fill("second")
    with page.expect_request(lambda request: '"rerank":true' in (request.post_data or "")):
        page.get_by_label("Rerank").check()
    expect(page).to_have_url(f"{page.url.split('?')[0]}?q=Lisbon&peer=alice&session=second&rerank=yes")
    page.reload()
    messages = page.get_by_role("region", name="Messages").get_by_role("listitem")
    expect(messages).to_have_count(2)
    expect(messages.first).to_contain_text("I no longer live in Lisbon.")
    expect(messages.first.locator("summary")).to_contain_text("reranked")
    expect(page.get_by_role("region", name="Conclusions").get_by_role("listitem").first).to_contain_text("Lisbon")
    page.get_by_label("In session").fill("nowhere")
    page.get_by_label("In session").blur()
    expect(page.get_by_text("Nothing found.")).to_have_count(2)


def test_more_than_the_first_ten_are_shown_on_demand(view: View) -> None:
    page = view("w/demo/search")
    messages = page.get_by_role("region", name="Newest messages")
    expect(messages.get_by_role("listitem")).to_have_count(10)
    messages.get_by_role("button", name="Show more").click()
    expect(messages.get_by_role("listitem")).to_have_count(13)
    expect(messages.get_by_role("status")).to_have_text("13 found")


def test_a_search_that_fails_says_so_and_can_be_tried_again(watched: Watched, view: View) -> None:
    watched.expected = ("503",)
    page = watched.page
    failure = {"status": 503, "json": {"detail": "The embedder is down"}}
    page.route("**/conclusions/query", lambda route: route.fulfill(**failure))
    view("w/demo/search?q=porto")
    conclusions = page.get_by_role("region", name="Conclusions")
    expect(conclusions.get_by_role("alert")).to_contain_text("The embedder is down")
    expect(page.get_by_role("region", name="Messages").get_by_role("listitem").first).to_contain_text("Porto")
    page.unroute("**/conclusions/query")
    conclusions.get_by_role("button", name="Try again").click()
    expect(conclusions.get_by_role("listitem").first).to_contain_text("Porto")


MARKED = [
    ("She lives where the cat lived.", "where do cats live", ["lives", "lived"]),
    ("The category of cats", "cat", []),
    ("Ein Café in Zürich", "cafe ZURICH", ["Café", "Zürich"]),
    ("私の犬は白い", "犬は", ["犬は"]),
    ("set user_id = 5", "user_id", ["user_id"]),
    ("who is it", "who is it", ["who", "is", "it"]),
    ("👍 👍🏽 <b>", "👍", []),
]


def test_words_of_the_query_are_marked(view: View) -> None:
    page = view("w/demo/search")
    script = """async ([text, query]) => (await import('./static/components/marked.js')).marksOf(text, query)
        .map(([begin, end]) => text.slice(begin, end))"""
    assert [page.evaluate(script, [text, query]) for text, query, _ in MARKED] == [marked for *_, marked in MARKED]
