"""Set, update and take out values of a document of any format, and check each edit with the format's parser."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from omoide.agent_config import json_editor, toml_editor, yaml_editor
from omoide.agent_config.errors import Uneditable
from omoide.agent_config.text_layout import dotted

Entry = Mapping[str, object]
Path = tuple[str, ...]

MISSING = object()
_TRANSPORT = {"type", "transport", "url", "httpUrl", "serverUrl", "command", "args"}
"""Keys of an entry that say how the server is reached: those of another transport go."""
_OURS = re.compile(r"\bomoide\b|^https?://[^/]+(?:/.*)?/mcp(?:/[^/]+){0,2}/?$", re.IGNORECASE)
"""Matches a command or an address of ours, whoever wrote it."""
REFERENCE = re.compile(r"(?:Bearer )?(?:\$\{[\w:.-]+\}|\{env:\w+\}|\$[A-Z_]+\b)")
"""How agents refer to a variable, instead of its value."""
_KEYS = (
    ("headers", "Authorization"),
    ("env", "OMOIDE_KEY"),
    ("environment", "OMOIDE_KEY"),
    ("bearer_token_env_var",),
    ("env_vars",),
)
"""Where an entry refers to the key."""
_WHERE = ("--workspace", "--db", "--url")
_HTTP_ONLY = {"headers", "http_headers", "env_http_headers", "bearer_token_env_var", "oauth", "auth"}
_STDIO_ONLY = {"env", "env_vars", "environment", "cwd", "envFile"}


@dataclass(frozen=True, slots=True)
class Language:
    """The functions of one format's editor."""

    read: Callable[[str], object]
    put: Callable[[str, Path, object], str]
    drop: Callable[[str, Path], str]


LANGUAGES = {
    "json": Language(json_editor.read_strictly, json_editor.put, json_editor.drop),
    "jsonc": Language(json_editor.read, json_editor.put, json_editor.drop),
    "toml": Language(toml_editor.read, toml_editor.put, toml_editor.drop),
    "yaml": Language(yaml_editor.read, yaml_editor.put, yaml_editor.drop),
}


def lookup(document: object, path: Sequence[str]) -> object:
    """The value at a path, or MISSING."""
    for key in path:
        if not isinstance(document, Mapping) or key not in document:
            return MISSING
        document = document[key]
    return document


def set_entry(language: Language, text: str, path: Path, entry: Entry) -> str:
    """Write an entry, or update it: what it says beyond how the server is reached stays.

    Raises InvalidFile and Uneditable.
    """
    current = lookup(language.read(text), path)
    if current is MISSING:
        return _put(language, text, path, entry)
    if not isinstance(current, Mapping):
        raise Uneditable(f"{dotted(path)} is not an object")
    other = _HTTP_ONLY if "command" in entry else _STDIO_ONLY
    for key in current:
        if key in (_TRANSPORT | other) - entry.keys():
            text = _drop(language, text, (*path, key))
    for key in reversed([*entry]):  # a new key goes to the front
        text = _update(language, text, (*path, key), entry[key])
    return _drop_key(language, text, path, entry)


def is_ours(entry: object) -> bool:
    """Whether an entry leads to this program, or nowhere."""
    reached = [*texts(_reached(entry))]
    return not reached or any(_OURS.search(each) for each in reached)


def shown_texts(entry: object) -> list[str]:
    """The texts of an entry that are no secrets: its program, its address, and where the memory is."""
    reached = _reached(entry)
    arguments = [*texts(reached.pop("args", []))]
    if isinstance(command := reached.get("command"), list):
        reached["command"], arguments = command[:1], [*texts(command[1:])]
    pairs = zip(["", *arguments], arguments, strict=False)
    shown = [each for option, each in pairs if option in _WHERE or each in ("mcp", *_WHERE)]
    return [each for each in (*texts(reached), *shown) if "@" not in each and "?" not in each]


def _reached(entry: object) -> dict[str, object]:
    """How the server is reached."""
    return {key: value for key, value in _mapping(entry).items() if key in _TRANSPORT}


def texts(value: object) -> Iterator[str]:
    """Every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from texts(each)


def _drop_key(language: Language, text: str, path: Path, entry: Entry) -> str:
    """Take out the reference to a key that the entry no longer needs; a key itself, which is the user's, stays."""
    for keys in _KEYS:
        value = lookup(language.read(text), (*path, *keys))
        is_reference = value == ["OMOIDE_KEY"] or keys == ("bearer_token_env_var",)
        is_reference = is_reference or (isinstance(value, str) and REFERENCE.fullmatch(value) is not None)
        if value is MISSING or not is_reference or lookup(entry, keys) is not MISSING:
            continue
        text = take_out(language, text, (*path, *keys), [(*path, keys[0])] if len(keys) > 1 else [])
        if lookup(language.read(text), (*path, "oauth")) is False:
            text = _drop(language, text, (*path, "oauth"))
    return text


def _update(language: Language, text: str, path: Path, value: object) -> str:
    current = lookup(language.read(text), path)
    if isinstance(value, Mapping) and isinstance(current, Mapping):
        for key, each in value.items():
            text = _update(language, text, (*path, key), each)
        return text
    if path[-1] == "env_vars" and isinstance(current, list) and isinstance(value, list):
        value = [*current, *(each for each in value if each not in current)]
    return text if current == value else _put(language, text, path, value)


def missing_containers(language: Language, text: str, path: Path) -> list[Path]:
    """The objects on the way to a path that have to be created."""
    document = language.read(text)
    return [path[:depth] for depth in range(1, len(path)) if lookup(document, path[:depth]) is MISSING]


def take_out(language: Language, text: str, path: Path, created: Sequence[Path]) -> str:
    """Take out an entry, and the objects that were created for it and are empty now. Raises InvalidFile, Uneditable."""
    document = language.read(text)
    if lookup(document, path) is MISSING:
        return text
    while path[:-1] in created and len(_mapping(lookup(document, path[:-1]))) == 1:
        path = path[:-1]
    return _drop(language, text, path)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _put(language: Language, text: str, path: Path, value: object) -> str:
    expected = copy.deepcopy(_mapping(language.read(text)))
    node: object = expected
    for key in path[:-1]:
        node = node.setdefault(key, {}) if isinstance(node, dict) else None
    if isinstance(node, dict):
        node[path[-1]] = value
    return _checked(language, language.put(text, path, value), expected, path)


def _drop(language: Language, text: str, path: Path) -> str:
    expected = copy.deepcopy(_mapping(language.read(text)))
    parent = lookup(expected, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
    return _checked(language, language.drop(text, path), expected, path)


def _checked(language: Language, text: str, expected: object, path: Path) -> str:
    """The edited text, if it means what was intended and nothing else. Raises Uneditable."""
    try:
        result = language.read(text)
    except Uneditable:
        raise
    except Exception as error:  # whatever the parser objects to, the file is not written
        raise Uneditable(f"{dotted(path)} cannot be changed without rewriting the file") from error
    if _without_empty(result) != _without_empty(expected):
        raise Uneditable(f"{dotted(path)} cannot be changed without rewriting the file")
    return text


def _without_empty(value: object) -> object:
    """The value without empty tables, which TOML only has while they have keys."""
    if isinstance(value, Mapping):
        return {key: kept for key, each in value.items() if (kept := _without_empty(each)) != {}}
    return value
