"""Find tool calls that a model wrote into its text, because its server did not recognize them. Pure.

Every model family has its own form; common to them are the name of a tool and its arguments: as JSON around or after
the name, as tags, or as keywords in parentheses. What calls begin with is in `text_calls.toml`.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import islice
from typing import Any

from pydantic_ai.messages import ToolCallPart

from omoide.reasoner.agentic import loose_json

MOST_CALLS = 64
MOST_BEGINNINGS = 100
MOST_GAP, MOST_BETWEEN = 120, 4_000
"""Characters between the name of a tool and its arguments as JSON, and of arguments in tags."""
UNREADABLE = "unreadable_call"
"""Name of a call that cannot be read, so that the model is told."""

_NAME_KEYS = ("name", "tool", "tool_name", "function", "function_name", "action", "recipient_name", "toolName")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "action_input", "tool_input", "params", "payload")
_PREFIXES = re.compile(r"^(?:functions|default_api|tools|multi_tool_use|api)[.:]|^(?:to=)?functions\.|:\d+$")

_FILE = tomllib.loads(resources.files(__package__).joinpath("text_calls.toml").read_text(encoding="utf-8"))


def _any_of(*names: str) -> re.Pattern[str]:
    parts = (f"(?:{each})" for name in names for each in _FILE[name])
    return re.compile("|".join(parts), re.IGNORECASE | re.MULTILINE)


MARK, _CERTAIN = _any_of("certain", "possible"), _any_of("certain")
"""Where calls may begin; some of these may also begin an answer. And what begins nothing but calls."""
_FOLLOWS = re.compile(r"[^\s<>]{0,60}>?\s*(?:[{\[(<]|\w[\w.:]*\s*(?:[({\[<\n]|$)|$)")
"""What comes after the mark of a call within a line; other words only tell of such marks."""
_QUOTES = "`'\"‘“«"

_GAP = re.compile(
    r"(?:[\s:=>\"'`*,|｜()\]]|<[^<>{}]{1,60}>|\[ARGS\]|\[CALL_ID\]\w*|✿\w+✿"
    r"|json|Action Input|arguments|parameters|args|\d)*",
    re.IGNORECASE,
)
_NAMESPACE = r"(?:[\w｜|]{1,16}[:｜|])?"
_PARAMETER = re.compile(
    rf"<{_NAMESPACE}(?:parameter|param|arg)(?:=|\s+name\s*=\s*)[\"']?(?P<a>\w+)[\"']?[^>]*>(?P<x>.*?)"
    rf"</{_NAMESPACE}(?:parameter|param|arg)>"
    r"|<arg_key>\s*(?P<b>\w+)\s*</arg_key>\s*<arg_value>(?P<y>.*?)</arg_value>"
    r"|<(?P<c>\w+)>(?P<z>[^<]*)</(?P=c)>",
    re.DOTALL,
)
_IN_WORDS = re.compile(
    r"^[ \t]*\**Action\**:\**[ \t]*`?(?P<name>\w+)`?[ \t]*"
    r"(?:\[(?P<brackets>[^\]\n]{1,500})\]|\n+[ \t]*\**Action Input\**:\**[ \t]*(?P<line>[^\n]{1,500}))",
    re.IGNORECASE | re.MULTILINE,
)
"""An action and its input as words, as in the prompts called ReAct."""


def calls_in(text: str, tools: Mapping[str, str]) -> list[ToolCallPart]:
    """Return the calls of the tools that a text contains, or one named `UNREADABLE` if there is but a mark of calls.

    `tools` maps the name of each tool to that of its first argument.
    """
    if not (tools and MARK.search(text)) and not any(name in text for name in tools):
        return []
    for find in (_in_json, _before_json, _in_tags, _in_parentheses, _in_words):
        if calls := [*islice(find(text, tools), MOST_CALLS)]:
            return [ToolCallPart(name, json.dumps(arguments)) for name, arguments in calls]
    return [ToolCallPart(UNREADABLE, "{}")] if _is_certain(text) else []


def is_call(text: str) -> bool:
    """Whether a text is a call and not an answer, whatever the tool."""
    if _is_certain(text):
        return True
    try:
        value = json.loads(text.strip().removeprefix("```json").strip("`"))
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "name" in value and any(key in value for key in _ARGUMENT_KEYS[:3])


def _is_certain(text: str) -> bool:
    """Whether a call begins in the text, rather than that it tells of one."""
    for match in _CERTAIN.finditer(text):
        before = text[: match.start()].rpartition("\n")[2]
        if before[-1:] not in tuple(_QUOTES) and (not before.strip() or _FOLLOWS.match(text, match.end())):
            return True
    return False


_BEFORE_CALL = re.compile(r"(?:.*\), )?[\s\[(,`]*(?:(?:print\(|await |\w+\s?=\s?|default_api\.|<[^<>]*>)[\s\[]*)*")
"""What may stand before a call in parentheses on its line."""

_Found = tuple[str, dict[str, Any]]


def _in_json(text: str, tools: Mapping[str, str]) -> Iterator[_Found]:
    """Objects that name a tool."""
    for value in _values(text):
        yield from _of_value(value, tools, 0)


def _values(text: str) -> Iterator[Any]:
    position = 0
    for _ in range(MOST_BEGINNINGS):
        start = min((at for at in (text.find("{", position), text.find("[", position)) if at >= 0), default=-1)
        if start < 0:
            return
        try:
            value, position = loose_json.decode(text, start)
        except ValueError:
            position = start + 1
        else:
            yield value


def _of_value(value: Any, tools: Mapping[str, str], depth: int) -> Iterator[_Found]:
    if isinstance(value, list) and depth < 4:
        for each in value[:MOST_CALLS]:
            yield from _of_value(each, tools, depth + 1)
    if not isinstance(value, dict) or depth >= 4:
        return
    name = next((named for key in _NAME_KEYS if (named := _known(value.get(key), tools))), None)
    if name is not None:
        yield name, _arguments(value)
        return
    for key, each in value.items():
        if (named := _known(key, tools)) and isinstance(each, dict):
            yield named, each
        elif isinstance(each, dict | list):
            yield from _of_value(each, tools, depth + 1)


def _arguments(call: dict[str, Any]) -> dict[str, Any]:
    for key in _ARGUMENT_KEYS:
        given = call.get(key)
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except ValueError:
                continue
        if isinstance(given, dict):
            return given
    return {key: each for key, each in call.items() if key not in (*_NAME_KEYS, *_ARGUMENT_KEYS, "id", "type")}


def _known(name: object, tools: Mapping[str, str]) -> str | None:
    if not isinstance(name, str):
        return None
    bare = _PREFIXES.sub("", name.strip())
    return bare if bare in tools else None


def _names(text: str, tools: Mapping[str, str]) -> Iterator[re.Match[str]]:
    names = "|".join(map(re.escape, sorted(tools, key=len, reverse=True)))
    return islice(re.finditer(rf"(?<!\w)(?:{names})(?!\w)", text), MOST_CALLS)


def _before_json(text: str, tools: Mapping[str, str]) -> Iterator[_Found]:
    """A name and, after nothing but marks, an object."""
    for match in _names(text, tools):
        gap = _GAP.match(text, match.end(), match.end() + MOST_GAP)
        start = gap.end() if gap else match.end()
        if text[start : start + 1] != "{":
            continue
        try:
            value = loose_json.decode(text, start)[0]
        except ValueError:
            continue
        if isinstance(value, dict):
            yield match[0], value


def _in_tags(text: str, tools: Mapping[str, str]) -> Iterator[_Found]:
    """A name in or after a tag, and arguments in tags."""
    named = [*_names(text, tools)]
    for index, match in enumerate(named):
        before = text[max(0, match.start() - 40) : match.start()]
        if not re.search(r"<[^<>]*$|<[^<>]*>\s*$", before) or before.rstrip().endswith("</"):
            continue
        end = named[index + 1].start() if index + 1 < len(named) else match.end() + MOST_BETWEEN
        given = {}
        for part in _PARAMETER.finditer(text, match.end(), min(end, match.end() + MOST_BETWEEN, len(text))):
            key, value = part["a"] or part["b"] or part["c"], part["x"] or part["y"] or part["z"] or ""
            given[key] = _literal(value.strip())
        if given:
            yield match[0], given


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


_OPENS = re.compile(r"(?:\.call)?\(")


def _in_parentheses(text: str, tools: Mapping[str, str]) -> Iterator[_Found]:
    """A call in the syntax of Python, at the beginning of a line, a list or another call."""
    for match in _names(text, tools):
        line = text[: match.start()].rpartition("\n")[2]
        begin = _OPENS.match(text, match.end())
        if begin is None or not _BEFORE_CALL.fullmatch(line):
            continue
        if (call := _parsed(f"{match[0]}({text[begin.end() : match.start() + MOST_BETWEEN]}")) is None:
            continue
        try:
            given = {each.arg: ast.literal_eval(each.value) for each in call.keywords if each.arg}
            if call.args and tools[match[0]]:
                given.setdefault(tools[match[0]], ast.literal_eval(call.args[0]))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        yield match[0], given


def _in_words(text: str, tools: Mapping[str, str]) -> Iterator[_Found]:
    """The input of an action in words is the first argument of the tool."""
    for match in _IN_WORDS.finditer(text):
        if (name := _known(match["name"], tools)) and tools[name]:
            yield name, {tools[name]: (match["brackets"] or match["line"]).strip().strip("`\"'")}


def _parsed(text: str) -> ast.Call | None:
    """The call with which a text begins."""
    for end in islice((match.end() for match in re.finditer(r"\)", text)), 20):
        try:
            node = ast.parse(text[:end], mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        return node if isinstance(node, ast.Call) else None
    return None
