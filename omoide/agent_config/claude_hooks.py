"""The hooks of Claude Code: commands that it runs when a session starts, and when a turn or a session ends."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from omoide.agent_config import edits
from omoide.agent_config.file_draft import FileDraft

EVENTS = {"SessionStart": "session-start", "Stop": "stop", "SessionEnd": "session-end"}
SECONDS = 15
"""After this time Claude Code ends a hook. Ours ends sooner."""
_OURS = re.compile(r"\bomoide\b.*\bhook claude-code (?:session-start|stop|session-end)\b")


def settings_file(project: Path | None) -> Path:
    """The settings of the user, or those of a project that are not shared."""
    if project is not None:
        return project / ".claude" / "settings.local.json"
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude") / "settings.json"


def group_of(command: str) -> dict[str, object]:
    """What runs a command at an event."""
    return {"hooks": [{"type": "command", "command": command, "timeout": SECONDS}]}


def set_hooks(draft: FileDraft, commands: Mapping[str, str]) -> None:
    """Add or update the command of each event. Raises Uneditable."""
    for event, command in reversed([*commands.items()]):  # a new key goes to the front
        found = next(_ours(draft, event), None)
        if found is None:
            draft.add(("hooks", event), group_of(command))
        elif found[2] != command:
            draft.replace(("hooks", event, found[0], "hooks", found[1], "command"), command)


def commands_of(draft: FileDraft) -> list[str]:
    """Our commands that a file has."""
    return [command for event in EVENTS for _, _, command in _ours(draft, event)]


def drop_hooks(draft: FileDraft) -> None:
    """Take out our commands, wherever they are among those of an event."""
    for event in EVENTS:
        while (found := next(_ours(draft, event), None)) is not None:
            group = _group(draft, event, found[0])
            if len(group) > 1:
                draft.drop_element(("hooks", event), found[0], "hooks", found[1])
            else:
                draft.drop_element(("hooks", event), found[0])


def _ours(draft: FileDraft, event: str) -> Iterator[tuple[int, int, str]]:
    """Our commands for an event: the index of the group, that of the hook in it, and the command."""
    groups = edits.lookup(draft.document(), ("hooks", event))
    for index in range(len(groups) if isinstance(groups, list) else 0):
        for number, hook in enumerate(_group(draft, event, index)):
            command = hook.get("command") if isinstance(hook, Mapping) else None
            if isinstance(command, str) and _OURS.search(command):
                yield index, number, command


def _group(draft: FileDraft, event: str, index: int) -> list[object]:
    groups = edits.lookup(draft.document(), ("hooks", event))
    hooks = edits.lookup(groups[index], ("hooks",)) if isinstance(groups, list) else None
    return hooks if isinstance(hooks, list) else []
