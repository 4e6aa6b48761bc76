"""Read JSON, JSON with comments and JSON5 into nodes that know where they are in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from omoide.agent_config.errors import InvalidFile

_BLANK = re.compile(r"(?:[\s\ufeff]+|//[^\n\r]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r"\"(?:[^\"\\\n\r]|\\.|\\\r\n)*\"|'(?:[^'\\\n\r]|\\.|\\\r\n)*'", re.DOTALL)
_NAME = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
_NUMBER = re.compile(
    r"[+-]?(?:Infinity|NaN|0[xX][0-9a-fA-F]+|(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
)
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r\n|.)", re.DOTALL)
_SIMPLE_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
MOST_NESTED = 200


@dataclass(slots=True)
class JsonNode:
    """A value from `start` to `end`; an object or array (`opening`) has items, another one `scalar`."""

    start: int
    end: int
    opening: str = ""
    scalar: object = None
    items: list[JsonItem] = field(default_factory=list)

    def find(self, key: str | int) -> JsonItem | None:
        """The item with a key or an index. JSON lets the last of several equal keys win."""
        if isinstance(key, int):
            return self.items[key] if self.opening == "[" and 0 <= key < len(self.items) else None
        return next((item for item in reversed(self.items) if self.opening == "{" and item.key == key), None)

    def plain(self) -> object:
        """The value as Python's own types; fractions and very large numbers as text."""
        if self.opening == "{":
            return {str(item.key): item.node.plain() for item in self.items}
        return [item.node.plain() for item in self.items] if self.opening == "[" else self.scalar


@dataclass(slots=True)
class JsonItem:
    """A member or an element; `start` is that of its key or value, `comma` the place of the comma that follows."""

    start: int
    key: str | None
    node: JsonNode
    comma: int | None = None


class JsonScanner:
    """Reads one document. Raises InvalidFile."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def document(self) -> JsonNode:
        """The only value of the text."""
        self._skip()
        node = self._value(0)
        self._skip()
        if self.position < len(self.text):
            raise self._fault("text after the end of the document")
        return node

    def _value(self, depth: int) -> JsonNode:
        start, mark = self.position, self.text[self.position : self.position + 1]
        if mark in ("{", "["):
            return self._container(mark, depth + 1)
        if mark in ('"', "'"):
            value = self._string()
            return JsonNode(start, self.position, scalar=value)
        return self._word(start)

    def _word(self, start: int) -> JsonNode:
        for pattern in (_NUMBER, _NAME):
            match = pattern.match(self.text, start)
            if match and (pattern is _NUMBER or match[0] in _WORDS):
                self.position = match.end()
                if _NAME.match(self.text, self.position):
                    break
                value = _WORDS[match[0]] if match[0] in _WORDS else _number(match[0])
                return JsonNode(start, self.position, scalar=value)
        self.position = start
        raise self._fault("a value is expected")

    def _container(self, opening: str, depth: int) -> JsonNode:
        if depth > MOST_NESTED:
            raise self._fault("too deeply nested")
        node = JsonNode(self.position, self.position, opening)
        closing = "}" if opening == "{" else "]"
        self.position += 1
        self._skip()
        while self.text[self.position : self.position + 1] != closing:
            if node.items and node.items[-1].comma is None:
                raise self._fault(f"a comma or {closing} is expected")
            node.items.append(self._item(opening, depth))
            self._skip()
            if self.text[self.position : self.position + 1] == ",":
                node.items[-1].comma = self.position
                self.position += 1
                self._skip()
        self.position += 1
        node.end = self.position
        return node

    def _item(self, opening: str, depth: int) -> JsonItem:
        start = self.position
        if opening == "[":
            return JsonItem(start, None, self._value(depth))
        key = self._key()
        self._skip()
        if self.text[self.position : self.position + 1] != ":":
            raise self._fault("a colon is expected")
        self.position += 1
        self._skip()
        return JsonItem(start, key, self._value(depth))

    def _key(self) -> str:
        if self.text[self.position : self.position + 1] in ('"', "'"):
            return self._string()
        match = _NAME.match(self.text, self.position)
        if match is None:
            raise self._fault("a key is expected")
        self.position = match.end()
        return match[0]

    def _string(self) -> str:
        match = _STRING.match(self.text, self.position)
        if match is None:
            raise self._fault("a string does not end")
        self.position = match.end()
        return _ESCAPE.sub(_unescaped, match[0][1:-1])

    def _skip(self) -> None:
        match = _BLANK.match(self.text, self.position)
        self.position = match.end() if match else self.position
        if self.text.startswith("/*", self.position):
            raise self._fault("a comment does not end")

    def _fault(self, what: str) -> InvalidFile:
        line = self.text.count("\n", 0, self.position) + 1
        column = self.position - self.text.rfind("\n", 0, self.position)
        return InvalidFile(f"line {line}, column {column}: {what}")


def line_breaks(text: str, start: int, end: int) -> Iterator[int]:
    """Where lines end in a stretch of blanks and comments, outside of block comments."""
    for match in re.finditer(r"/\*.*?\*/|//[^\n\r]*|\r?\n", text[start:end], re.DOTALL):
        if match[0] in ("\n", "\r\n"):
            yield start + match.start()


def _number(text: str) -> object:
    return int(text) if re.fullmatch(r"[+-]?\d{1,99}", text) else text


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) > 1 and escape[0] in "ux":
        return chr(int(escape[1:], 16))
    return _SIMPLE_ESCAPES.get(escape, escape)
