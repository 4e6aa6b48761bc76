"""Notes become what their owner wrote, on their day: without templates, queries, drawings and pictures."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from omoide.cli.main import main
from omoide.text_extraction.exports import kinds, notes

VAULT = {
    ".obsidian/templates.json": '{"folder": "Forms"}',
    ".trash/gone.md": "I own a castle.",
    "Forms/day.md": "# {{title}}",
    "templates/other.md": "# {{title}}",
    "img/a.png": "x",
    "C.md": "I like C.",
    "C++.md": "I like C++.",
    "Drawing.md": "---\nexcalidraw-plugin: parsed\n---\nx",
    "Empty.md": "---\ntags: [x]\n---\n\n%% nothing %%\n",
    "Graz.md": "I live in **Graz** with [[people/Ben|Ben]], see [[Flat#Rooms]]. ^id1\n![[img/a.png]] ![a](b.png)\n",
    "Code.md": "# Code\n```dataview\nLIST\n```\n```python\nx = [[1]]\n```\n<!-- no\n-->Done.",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


def test_a_vault_gives_a_session_a_note_and_counts_what_it_leaves_out(tmp_path: Path) -> None:
    export = kinds.read("obsidian", write(tmp_path / "vault", VAULT))
    found = {each.id: [turn.text for turn in each.turns] for each in export.conversations}
    assert found == {
        "C": ["C\n\nI like C."],
        "C++": ["C++\n\nI like C++."],
        "Code": ["# Code\n```python\nx = [[1]]\n```\nDone."],
        "Graz": ["Graz\n\nI live in Graz with Ben, see Flat > Rooms."],
    }
    assert export.left_out() == {notes.TEMPLATE: 2, notes.OTHER: 2, notes.BLANK: 1}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.md", "---\ncreated: 2023-05-06T10:11:12+02:00\n---\nx", "2023-05-06 08:11"),
        ("a.md", "---\r\nDate: 2023-05-06\r\n---\r\nx", "2023-05-06 12:00"),
        ("a.md", '---\ncreated: "2023-05-06 10:11"\n---\nx', "2023-05-06 10:11"),
        ("a.md", "---\ncreated: 20230506\n---\nx", "2023-05-06 12:00"),
        ("a.md", "---\nbroken: [\n---\nx", "2023-11-14 22:13"),
        ("2024-03-05.md", "x", "2024-03-05 12:00"),
        ("2024-03-05 Plans.md", "---\ndate: {}\n---\nx", "2024-03-05 12:00"),
        ("202403051030 Plans.md", "x", "2024-03-05 10:30"),
        ("2024/03/05.md", "x", "2024-03-05 12:00"),
        ("Version 2024-13-45.md", "x", "2023-11-14 22:13"),
        ("a.markdown", "x", "2023-11-14 22:13"),
    ],
)
def test_a_note_has_the_time_of_its_properties_its_name_or_its_file(
    name: str, text: str, expected: str, tmp_path: Path
) -> None:
    (note,) = kinds.read("markdown", write(tmp_path / "vault", {name: text})).conversations
    said_at = note.turns[0].said_at
    assert said_at is not None
    assert datetime.fromtimestamp(said_at / 1e6, UTC).strftime("%Y-%m-%d %H:%M") == expected
    assert note.turns[0].text.endswith("x")


def test_a_long_note_is_split_at_its_headings_and_nothing_is_lost() -> None:
    text = "# A\n" + "a " * 20 + "\n## B\n```\n# no heading\n```\n" + "b " * 20 + "\n# C\nc"
    found = notes.sections(text, 70)
    assert [part.splitlines()[0] for part in found] == ["# A", "## B", "# C"]
    assert " ".join(found).split() == text.split()
    assert notes.sections(text, 1_000) == [text]


def test_notes_are_imported_once_also_if_their_files_are_newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    vault = str(write(tmp_path / "vault", VAULT))
    arguments = ["import", vault, "--from", "obsidian", "--workspace", "w", "--me", "ana"]
    found = CliRunner().invoke(main, arguments)
    assert "ana: 4 messages\nFrom 2023-11-14 to 2023-11-14." in found.output, found.output
    assert "Left out: 2 templates.\n" in found.output
    assert "Left out: 2 files of other kinds" in found.output
    assert "Imported 4 messages in 4 sessions" in found.output
    os.utime(tmp_path / "vault" / "Graz.md")
    assert "Imported 0 messages" in CliRunner().invoke(main, arguments).output
