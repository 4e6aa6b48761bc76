"""The timeline of a peer: counts that can be zoomed, the same as a table, and what happened."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.ui.browser import require_accessible

View = Callable[[str], Page]
DAY = "since=2026-11-02T00:00:00.000Z&until=2026-11-03T00:00:00.000Z"


def test_an_interval_of_the_address_is_counted_listed_and_told_as_a_table(view: View, changed: str) -> None:
    page = view(f"w/{changed}/peers/alice")
    page.get_by_role("link", name="Timeline").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Timeline of alice")
    counts = page.get_by_role("region", name="Counts over time")
    expect(counts).to_contain_text(re.compile(r"8 said, \d+ learned, 1 replaced or corrected"))
    expect(counts.locator("canvas")).to_be_visible()
    events = page.get_by_role("list", name="Events").get_by_role("listitem")
    expect(events.filter(has_text="superseded")).to_contain_text("alice lives in Lisbon")
    require_accessible(page)
    view(f"w/{changed}/peers/alice/timeline?{DAY}")
    expect(counts).to_contain_text("2 said, 0 learned")
    expect(events).to_have_count(2)
    counts.get_by_text("As a table").click()
    expect(counts.get_by_role("row")).to_have_count(2)
    require_accessible(page)
    events.filter(has_text="I am an only child.").get_by_role("link", name="I am an only child.").click()
    expect(page.locator("[aria-current=true].marked")).to_contain_text("I am an only child.")


def test_it_is_zoomed_by_buttons_keys_and_dragging(view: View, changed: str) -> None:
    page = view(f"w/{changed}/peers/alice/timeline?{DAY}")
    page.get_by_role("button", name="Zoom out").click()
    expect(page).to_have_url(re.compile("since=2026-11-01T12%3A00%3A00.000Z&until=2026-11-03T12%3A00%3A00.000Z"))
    page.get_by_role("button", name="Later").click()
    expect(page).to_have_url(re.compile("since=2026-11-02T12"))
    chart = page.get_by_role("group", name="Chart.")
    chart.focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("since=2026-11-01T12"))
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("since=2026-11-02T00.*until=2026-11-03T00"))
    expect(chart).to_be_focused()
    expect(page.get_by_text("Nov 2, 2026, 12:00 AM to Nov 3")).to_be_visible()  # drawn again: a drag is not cut off
    box = chart.locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3 / 4, box["y"] + 60, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("since=2026-11-02T0[56].*until=2026-11-02T1[78]"))
    page.keyboard.press("0")
    expect(page).to_have_url(re.compile("/timeline$"))
    expect(page.get_by_role("button", name="Whole time")).to_be_disabled()


def test_earlier_events_are_loaded_on_demand_and_nothing_is_said_to_be_nothing(view: View, changed: str) -> None:
    page = view(f"w/{changed}/peers/alice/timeline?observer=bob")
    events = page.get_by_role("list", name="Events").get_by_role("listitem")
    expect(page.get_by_label("As known by")).to_have_value("bob")
    expect(events).to_have_count(15)
    page.get_by_role("button", name="Show earlier ones").click()
    expect(events.last).to_contain_text("I live in Lisbon.")
    view("w/demo/peers/constructor/timeline")
    expect(page.get_by_text("Nothing has happened yet.")).to_be_visible()
    view(f"w/{changed}/peers/alice/timeline?since=2020-01-01T00:00:00Z&until=2020-02-01T00:00:00Z")
    expect(page.get_by_text("Nothing happened in this time.")).to_be_visible()
    require_accessible(page)
