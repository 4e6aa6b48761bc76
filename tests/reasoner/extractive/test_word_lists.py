"""The word lists of the extractive reasoner: every file can be read, and errors name the file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from omoide.reasoner import extractive
from omoide.reasoner.extractive import slot_kinds, word_lists
from omoide.reasoner.extractive.question_patterns import SHAPES
from omoide.reasoner.extractive.word_lists import WordLists


def test_lists_are_split_at_blanks_line_ends_and_bars() -> None:
    lists = WordLists("x.toml", {"some": "a b_c\nd|e f"})
    assert lists.words("some") == {"a", "b_c", "d|e", "f"}
    assert lists.phrases("some") == {"a b_c", "d", "e f"}
    assert lists.lines("some") == ["a b_c", "d|e f"]
    assert WordLists("x.toml", {"some": "a b_c"}).any_of("some") == "(?:a|b c)"


def test_a_missing_list_is_named_with_its_file() -> None:
    with pytest.raises(ImportError, match=r"x\.toml has no some"):
        WordLists("x.toml", {"some": ["a"]}).words("some")


@pytest.mark.parametrize("content", [None, b"some = ", b"\xff"])
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    if content is not None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "broken.toml").write_bytes(content)
    with pytest.raises(ImportError, match=r"broken\.toml cannot be read"):
        word_lists.word_lists("broken")


def test_questions_are_answered_by_known_kinds() -> None:
    known = {value for value in vars(slot_kinds).values() if isinstance(value, str)}
    named = {kind for _, kinds in SHAPES for kind in kinds}
    assert {kind if kind in known else kind.partition(":")[0] + ":" for kind in named} <= known


def test_every_file_is_used() -> None:
    sources = "".join(path.read_text() for path in Path(extractive.__path__[0]).rglob("*.py"))
    for file in Path(extractive.__path__[0], "data").glob("*.toml"):
        assert f'word_lists("{file.stem}")' in sources
