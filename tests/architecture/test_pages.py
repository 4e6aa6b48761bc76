"""What the pages name is there: every page, file, heading, setting and make target."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omoide.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(ROOT)
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")]
)
# Where a path in backticks may begin: pages speak of modules as they stand in the package.
BEGINNINGS = [ROOT, ROOT / "omoide", ROOT / "docs"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def headings(page: Path) -> set[str]:
    """The names by which the headings of a page can be linked to."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


def links(page: Path) -> list[str]:
    """Links to places of the repository."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link]


def quoted(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(ROOT / page):
        place, _, heading = link.partition("#")
        target = (ROOT / page).parent / place if place else ROOT / page
        assert target.exists(), link
        assert not heading or heading in headings(target), link


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_file_and_target_that_is_named_is_there(page: Path) -> None:
    for text in quoted(ROOT / page):
        if re.fullmatch(r"\w[\w.-]*/[\w./-]*(\.\w+|/)", text):
            assert any((place / text).exists() for place in [*BEGINNINGS, (ROOT / page).parent]), text
        if target := re.match(r"make ([a-z-]+)", text):
            assert target[1] in TARGETS, text


def test_every_setting_that_is_named_is_one() -> None:
    named = {name.lower() for page in PAGES for name in re.findall(r"OMOIDE_([A-Z_]+[A-Z])", (ROOT / page).read_text())}
    assert {"db", "auth"} <= named
    assert named <= {*Settings.model_fields}
