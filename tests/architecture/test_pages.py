"""Links in the pages lead to existing pages and headings, and pages name only what exists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import click

from omoide.cli.command_settings import OF_AGENTS
from omoide.cli.main import main
from omoide.core.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(ROOT)
    for page in [
        *ROOT.glob("*.md"),
        *(path for name in ("docs", "benchmarks", "examples") for path in (ROOT / name).rglob("*.md")),
    ]
)
# Directories that a path in backticks may be relative to: pages name modules as they are in the package.
BEGINNINGS = [ROOT, ROOT / "omoide", ROOT / "docs"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def prose(page: Path) -> str:
    """The text of a page without its code blocks, whose comments look like headings."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(page: Path) -> list[str]:
    """The relative links of a page."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if "://" not in link]


def linked_pages(page: Path) -> set[Path]:
    targets = ((page.parent / link.partition("#")[0]).resolve() for link in links(page) if not link.startswith("#"))
    return {target for target in targets if target.suffix == ".md"}


def quoted(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", page.read_text())


def every(find: Callable[[Path], list[str]]) -> Iterator[tuple[Path, str]]:
    """What is found in all pages, each with its page."""
    return ((page, found) for page in PAGES for found in find(ROOT / page))


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command with its subcommands, by full name. Groups that only hold subcommands are left out."""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in filter(None, (command.get_command(context, name) for name in command.list_commands(context))):
            if not each.hidden:
                yield from commands(each, f"{name} {each.name}")


def test_every_relative_link_leads_to_an_existing_file_and_anchor() -> None:
    for page, link in every(links):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in anchors(target), f"{page}: {link}"


def test_every_page_is_reachable_from_the_index() -> None:
    reached: set[Path] = set()
    pending = {ROOT / "docs" / "index.md"}
    while pending:
        page = pending.pop()
        reached.add(page)
        pending |= linked_pages(page) - reached
    assert {ROOT / page for page in PAGES if page.parts[0] == "docs"} <= reached


def test_the_index_names_every_page_but_the_single_decision_records() -> None:
    named = linked_pages(ROOT / "docs" / "index.md")
    pages = {ROOT / page for page in PAGES if page.parts[0] == "docs" and not page.name[0].isdigit()}
    assert pages - {ROOT / "docs" / "index.md"} <= named


def test_the_readme_links_to_the_index() -> None:
    assert ROOT / "docs" / "index.md" in linked_pages(ROOT / "README.md")


def test_the_command_line_page_lists_every_command_and_option() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text()
    options: set[str] = set()
    for name, command in commands(main, "omoide"):
        assert f"`{name}" in page, name
        options |= {
            option
            for each in command.params
            for option in [*each.opts, *each.secondary_opts]
            if option.startswith("--")
        }
    assert {*re.findall(r"--[a-z][a-z-]*", page)} == options | {"--help", "--version"}


def test_every_file_and_make_target_in_backticks_exists() -> None:
    for page, text in every(quoted):
        if re.fullmatch(r"\w[\w.-]*/[\w./-]*(\.\w+|/)", text):
            assert any((base / text).exists() for base in [*BEGINNINGS, (ROOT / page).parent]), f"{page}: {text}"
        if target := re.match(r"make ([a-z-]+)", text):
            assert target[1] in TARGETS, f"{page}: {text}"


def test_every_named_setting_exists() -> None:
    named = {name.lower() for page in PAGES for name in re.findall(r"OMOIDE_([A-Z_]+[A-Z])", (ROOT / page).read_text())}
    assert {"db", "auth"} <= named
    unknown = named - {*Settings.model_fields, *OF_AGENTS}
    assert not unknown, f"the pages name settings that do not exist: {unknown}"
