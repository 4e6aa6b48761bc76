"""The settings in force, on the page."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.ui.browser import require_accessible

View = Callable[[str], Page]


def test_what_differs_is_shown_first_and_secrets_never(view: View) -> None:
    page = view("settings")
    row = page.get_by_role("row").filter(has_text="OMOIDE_DEBOUNCE_SECONDS")
    expect(row).to_contain_text("0.05")
    expect(row).to_contain_text("environment")
    secret = page.get_by_role("row").filter(has_text="OMOIDE_WEBHOOK_SECRET")
    expect(secret.get_by_role("cell").first).to_have_text("hidden")
    expect(page.get_by_role("row").filter(has_text="OMOIDE_RERANK")).to_have_count(0)
    require_accessible(page)
    page.get_by_label("Also those with their default").check()
    expect(page.get_by_role("row").filter(has_text="OMOIDE_RERANK").first).to_be_visible()


def test_a_setting_is_found_and_the_address_keeps_the_search(view: View) -> None:
    page = view("settings")
    page.get_by_label("Find a setting").fill("cross-encoder")
    expect(page.get_by_role("row").filter(has_text="OMOIDE_CROSS_ENCODER").first).to_be_visible()
    assert page.url.endswith("?q=cross-encoder")
    page.get_by_label("Find a setting").fill("no such thing")
    expect(page.get_by_text("No setting matches.")).to_be_visible()
