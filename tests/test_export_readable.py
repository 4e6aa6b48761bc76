"""`omoide export --as`: pages for people, and messages for other programs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from click.testing import CliRunner, Result
from markdown_it import MarkdownIt
from markdown_it.token import Token

from omoide.cli.main import main
from omoide.services.readable.escaping import inline, quoted
from omoide.services.readable.file_names import file_name
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import COMMAND, Server

HOSTILE = [
    "# no heading\n- not a list\n1. not\n2) x\n> nested\n***\nsetext\n---\n===",
    "a | b\n---|---\nc | d",
    "<script>alert(1)</script> </blockquote> <!-- &amp; &copy; AT&T",
    "`code` *em* _em_ snake_case ~~s~~ [x](http://y) ![i](j) [ref]: foo",
    "    indented\n\tand tab\n   three\n\n    more",
    "```\nunclosed *x*",
    "```python\ndef f(x):\n    return `x`\n```\nafter\n~~~\n`` ` inside\n~~~",
    "C:\\path\\file and \\* and end\\",
    "$5 and $6 [[wiki]] %%hidden%% ==hi==",
    "\u2028x\x0by\r\nz\r",
    "\n\nblank before\n\n\nand after\n\n",
]
PLAIN = {"blockquote_open", "blockquote_close", "paragraph_open", "paragraph_close", "inline", "fence"}
TEXT = {"text", "softbreak", "hardbreak", "code_inline"}
read = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse
Invoke = Callable[..., Result]


def shown(tokens: list[Token]) -> str:
    """The text that a reader sees, with single spaces."""
    pieces = []
    for token in tokens:
        for each in token.children or [token]:
            pieces.append(each.content if each.type in ("text", "code_inline", "fence") else " ")
    return " ".join("".join(pieces).replace("\xa0", " ").split())


@pytest.mark.parametrize("text", HOSTILE)
def test_a_quoted_text_reads_as_it_was_written_and_is_no_markup(text: str) -> None:
    tokens = read("\n".join(quoted(text)))
    assert {token.type for token in tokens} <= PLAIN
    assert sum(token.type == "blockquote_open" for token in tokens) == 1
    assert {each.type for token in tokens for each in token.children or []} <= TEXT
    is_code = any(token.type == "fence" for token in tokens)
    written = re.sub(r"(?m)^(```|~~~).*$", "", text) if is_code else text
    assert shown(tokens) == " ".join(re.sub("[\u2028\x0b]", " ", written).split())
    for mark in ("# ", "- "):
        line = read(mark + inline(text))
        assert {each.type for token in line for each in token.children or []} <= {"text"}


MARKUP = [
    "## The plan\n\n- **Cut:** shoulder\n  1. nested\n\n| a | b |\n|---|---|\n| c | `<d>` |",
    "title\n===\nother\n---\n- # in a list\n> ## quoted\n- #",
    "<script>x</script> ![i](http://t/x.png) [go](javascript:x) \\\\<b>",
    "[ref]: http://x\n[two\n]: http://y\n> - [three]: z",
    "`\n`<b>bold</b>\n```\nno end",
]


@pytest.mark.parametrize("text", MARKUP)
def test_markdown_keeps_its_markup_and_acts_on_nothing_beyond_its_quotation(text: str) -> None:
    environment: dict[str, Any] = {}
    tokens = read("# before\n\n" + "\n".join(quoted(text, is_markdown=True)) + "\n\n# after [ref]", environment)
    top = [token.type for token in tokens if token.level == 0 and token.nesting >= 0]
    assert top == ["heading_open", "blockquote_open", "heading_open"]
    assert sum(token.type == "heading_open" for token in tokens) == 2
    inside = {each.type for token in tokens for each in [token, *(token.children or [])]}
    assert not inside & {"html_inline", "html_block", "image", "link_open"}
    assert "references" not in environment


def test_what_an_assistant_wrote_in_markdown_is_shown_as_such() -> None:
    tokens = read("\n".join(quoted(MARKUP[0], is_markdown=True)))
    found = {each.type for token in tokens for each in [token, *(token.children or [])]}
    assert found >= {"strong_open", "bullet_list_open", "ordered_list_open", "table_open", "code_inline"}


def test_code_between_fences_stays_code_with_its_language() -> None:
    (fence,) = (token for token in read("\n".join(quoted(HOSTILE[6]))) if token.info == "python")
    assert fence.content == "def f(x):\n    return `x`\n"


def test_file_names_differ_where_case_does_not_count_and_are_no_devices() -> None:
    ids = ["alice", "Alice", "ALICE", "con", "CON", "com1", "-rf", "_", "a b", "a/b", "..", "é", "x" * 512, "x" * 511]
    names = [file_name(id) for id in ids]
    assert len({name.lower() for name in names}) == len(ids)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,150}\.md", name)
        assert name.split(".")[0].lower() not in ("con", "com1", "")
    assert file_name("alice") == "alice.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the database of a running server."""
    folder = tmp_path_factory.mktemp("readable")
    server = Server(folder / "omoide.db", reasoning_enabled="0")
    with server.client() as http:
        _fill(WorkspaceClient(http, "w"))
    yield folder
    server.stop()


def _fill(w: WorkspaceClient) -> None:
    w.ok("PUT", "", {"metadata": {"about": "```\n# x"}})
    w.peer("Ana", metadata={"name": "Ana *Ruiz*"})
    w.peer("ana", configuration={"observe_me": False})
    w.session("s1", peers={"Ana": {}, "support-bot": {}}, metadata={"title": "# A title"})
    w.say("s1", *HOSTILE, peer="Ana")
    w.say("s1", "How can I **help**?", peer="support-bot")
    (dropped,) = w.say("s1", "FORGOTTEN message", peer="Ana")
    w.ok("DELETE", f"/sessions/s1/messages/{dropped['id']}")
    w.say("S1", "Another session.", peer="ana")
    w.say("gone", "FORGOTTEN session", peer="Ana")
    w.ok("DELETE", "/sessions/gone")
    pair = {"observer_id": "Ana", "observed_id": "Ana", "session_id": "s1"}
    facts = ["Ana lives in *Graz*", "FORGOTTEN fact", "Ana likes | tea"]
    first, second, _ = w.ok("POST", "/conclusions", {"conclusions": [{**pair, "content": each} for each in facts]})
    w.ok("DELETE", f"/conclusions/{second['id']}")
    w.ok("PATCH", f"/conclusions/{first['id']}", {"content": "Ana lives in Linz", "reason": "She moved."})
    w.ok("PUT", "/peers/Ana/card", {"peer_card": ["# NAME: Ana", "LIKES: [tea](x)"]})
    w.ok("POST", "/scopes", {"id": "work"})
    w.ok("POST", "/scopes/work/sessions", {"session_ids": ["s1"]})


@pytest.fixture
def export(home: Path, tmp_path: Path) -> Invoke:
    db = str(home / "omoide.db")
    return lambda file, *more: CliRunner().invoke(main, ["export", "w", str(tmp_path / file), "--db", db, *more])


def pages(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*.md")}


def links(text: str) -> list[str]:
    return [
        str(each.attrs["href"]) for token in read(text) for each in token.children or [] if each.type == "link_open"
    ]


def test_a_folder_of_pages_says_what_is_known_and_every_link_leads_somewhere(export: Invoke, tmp_path: Path) -> None:
    done = export("md", "--as", "markdown")
    assert done.exit_code == 0, done.output
    assert "pages of 3 peers and 2 sessions" in done.output
    found = pages(tmp_path / "md")
    assert len(found) == 6
    for name, text in found.items():
        assert "FORGOTTEN" not in text
        for link in links(text):
            target, _, anchor = unquote(link).partition("#")
            page = (tmp_path / "md" / name).parent / target if target else tmp_path / "md" / name
            assert page.is_file(), link
            assert not anchor or f'<a id="{anchor}"></a>' in page.read_text(), link
    ana = found[f"peers/{file_name('Ana')}"]
    for part in (
        "- \\# NAME: Ana",
        "Ana lives in Linz",
        "Ana likes | tea",
        "## What changed",
        "Ana lives in \\*Graz\\*",
    ):
        assert part in ana
    session = found["sessions/s1.md"]
    assert "> How can I **help**?" in session
    tokens = read(session)
    headings = [tokens[number + 1].content for number, each in enumerate(tokens) if each.type == "heading_open"]
    assert headings == ["s1", "Messages", "Metadata"]
    assert sum(token.type == "blockquote_open" for token in tokens) == len(HOSTILE) + 1
    assert "[Ana](peers/" in found["index.md"]
    assert "work: [s1](sessions/s1.md)" in found["index.md"]


def test_only_what_an_export_wrote_is_replaced(export: Invoke, tmp_path: Path) -> None:
    assert export("md", "--as", "markdown").exit_code == 0
    assert "not empty" in export("md", "--as", "markdown").output
    (tmp_path / "md" / "peers" / "stale.md").write_text("old")
    assert export("md", "--as", "markdown", "--force").exit_code == 0
    assert not (tmp_path / "md" / "peers" / "stale.md").exists()
    (tmp_path / "md" / "notes.txt").write_text("mine")
    assert "not empty" in export("md", "--as", "markdown", "--force").output
    assert (tmp_path / "md" / "notes.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert export("empty", "--as", "markdown").exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"md", "empty"}


def test_a_killed_export_leaves_no_folder_and_the_next_one_cleans_up(
    home: Path, tmp_path: Path, export: Invoke
) -> None:
    assert export("md", "--as", "markdown").exit_code == 0
    before = pages(tmp_path / "md")
    stop_when_writing = (
        "import os, signal, sys; from omoide.services.readable import folder; "
        "folder._page = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        "from omoide.cli.main import main; main(sys.argv[1:])"
    )
    python = str(COMMAND.with_name("python"))
    arguments = ["export", "w", "md", "--as", "markdown", "--force", "--db", str(home / "omoide.db")]
    killed = subprocess.run([python, "-c", stop_when_writing, *arguments], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert pages(tmp_path / "md") == before
    os.rename(tmp_path / "md", tmp_path / "md.999999999.replaced")  # as if it was killed between two renames
    assert export("md", "--as", "markdown", "--force").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["md"]


def messages(file: Path) -> list[list[dict[str, Any]]]:
    return [json.loads(line)["messages"] for line in file.read_text("utf-8").splitlines()]


def test_sessions_become_lines_of_messages_with_roles_and_valid_names(export: Invoke, tmp_path: Path) -> None:
    done = export("talk.jsonl", "--as", "openai")
    assert "2 sessions (assistant: ana, support-bot)" in done.output
    first, second = messages(tmp_path / "talk.jsonl")
    assert [each["content"] for each in first] == [*HOSTILE, "How can I **help**?"]
    assert [(each["role"], each["name"]) for each in (first[0], first[-1])] == [
        ("user", "Ana"),
        ("assistant", "support-bot"),
    ]
    assert second == [{"role": "assistant", "name": "ana", "content": "Another session."}]
    export("named.jsonl", "--as", "openai", "--assistant", "Ana")
    assert [each[0]["role"] for each in messages(tmp_path / "named.jsonl")] == ["assistant", "user"]
    wrong = export("no.jsonl", "--as", "openai", "--assistant", "nobody")
    assert wrong.output == "Error: There is no peer nobody in w\n"
    assert not (tmp_path / "no.jsonl").exists()


@pytest.mark.parametrize(
    ("file", "arguments", "reason"),
    [
        (".", ["--as", "openai"], "is a folder"),
        (".", [], "is a folder"),
        ("x", ["--assistant", "a"], "--as openai"),
        ("-", ["--as", "markdown"], "standard output"),
    ],
)
def test_forms_that_do_not_fit_their_target_are_refused(
    file: str, arguments: list[str], reason: str, home: Path
) -> None:
    found = CliRunner().invoke(main, ["export", "w", file, "--db", str(home / "omoide.db"), *arguments])
    assert found.exit_code == 2
    assert reason in found.output
