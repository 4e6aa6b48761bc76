"""Edits of configuration files leave everything else as it is, byte for byte."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omoide.agent_config import edits, json_editor
from omoide.agent_config.agents import AGENTS, McpConnection
from omoide.agent_config.errors import InvalidFile
from omoide.agent_config.file_draft import FileDraft
from tests.agent_config.documents import json_texts, toml_texts, yaml_texts

HTTP = McpConnection("http://localhost:8000/mcp/demo", (), "OMOIDE_KEY")
STDIO = McpConnection(None, ("/opt/omoide", "mcp", "--workspace", "demo"), None)
TEXTS = {
    "cursor": json_texts(("mcpServers",)),
    "openclaw": json_texts(("mcp", "servers")),
    "codex": toml_texts(),
    "hermes": yaml_texts(),
}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("omoide.core.atomic_write.fsync", lambda path: None)  # thousands of small files


def _changed(path: Path, agent: str, connection: McpConnection | None) -> None:
    """Install, or remove, as the command does."""
    target = AGENTS[agent]
    draft = FileDraft(path, target.language)
    if connection is None:
        draft.take_out((*target.servers, "omoide"))
    else:
        draft.set_entry((*target.servers, "omoide"), target.entry(connection))
    change = draft.change()
    if not change.is_empty:
        change.write(is_private=True)


def _entry(path: Path, agent: str) -> object:
    target = AGENTS[agent]
    document = edits.LANGUAGES[target.language].read(path.read_bytes().decode())
    return edits.lookup(document, (*target.servers, "omoide"))


@pytest.mark.parametrize("agent", TEXTS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), switched=st.booleans())
def test_removal_restores_every_byte(agent: str, data: st.DataObject, switched: bool, tmp_path: Path) -> None:
    text = data.draw(TEXTS[agent])
    path = tmp_path / "config"
    path.write_bytes(text.encode())
    _changed(path, agent, HTTP)
    assert _entry(path, agent) == AGENTS[agent].entry(HTTP)
    if switched:
        _changed(path, agent, STDIO)
        assert _entry(path, agent) == AGENTS[agent].entry(STDIO)
    _changed(path, agent, None)
    assert path.read_bytes().decode() == text


@pytest.mark.parametrize("agent", TEXTS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_installing_only_adds_lines_and_repeating_it_changes_nothing(
    agent: str, data: st.DataObject, tmp_path: Path
) -> None:
    text = data.draw(TEXTS[agent])
    path = tmp_path / "config"
    path.write_bytes(text.encode())
    _changed(path, agent, HTTP)
    first = path.read_bytes()
    _changed(path, agent, HTTP)
    assert path.read_bytes() == first
    blocks = difflib.SequenceMatcher(a=text, b=first.decode(), autojunk=False).get_opcodes()
    assert "".join(text[a:b] for tag, a, b, _, _ in blocks if tag == "equal") == text, "something was taken out"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}[]:,\"'/*\\ \n-0123456789.eabtrufalsn", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidFile):
        json_editor.read(text)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=10,
    ),
    st.booleans(),
)
def test_json_is_read_as_by_the_standard_library(value: object, is_ascii: bool) -> None:
    assert json_editor.read(json.dumps(value, ensure_ascii=is_ascii, indent=1)) == value or is_ascii


@pytest.mark.parametrize("agent", AGENTS)
def test_a_file_that_install_created_is_deleted(agent: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "config"
    _changed(path, agent, HTTP)
    assert path.stat().st_mode & 0o777 == 0o600
    _changed(path, agent, STDIO)
    _changed(path, agent, None)
    assert not path.exists()


@pytest.mark.parametrize("agent", ["claude-code", "codex", "hermes"])
@pytest.mark.parametrize("blank", ["", "\n", " \n\n"])
def test_an_empty_file_becomes_empty_again(agent: str, blank: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(blank)
    _changed(path, agent, HTTP)
    assert _entry(path, agent)
    _changed(path, agent, None)
    assert path.read_text() == blank


def test_links_are_followed_and_modes_kept(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "claude.json"
    real.parent.mkdir()
    real.write_text("{}")
    real.chmod(0o640)
    link = tmp_path / ".claude.json"
    link.symlink_to(os.path.relpath(real, tmp_path))
    _changed(link, "claude-code", HTTP)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert "omoide" in real.read_text()
