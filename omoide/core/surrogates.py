"""Lone surrogates: halves of characters such as emoji, which cannot be encoded."""

from __future__ import annotations

from typing import Any


def repaired_text(text: str) -> str:
    """Replace each lone surrogate by U+FFFD; two halves that meet become their character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def repaired_json(value: Any) -> Any:
    """Repair all texts of a JSON value, keys included."""
    if isinstance(value, str):
        return repaired_text(value)
    if isinstance(value, dict):
        return {repaired_json(key): repaired_json(each) for key, each in value.items()}
    return [repaired_json(each) for each in value] if isinstance(value, list) else value


def ends_with_half(text: str) -> bool:
    """Whether the text ends with the first half of a character, whose other half may follow."""
    return "\ud800" <= text[-1:] <= "\udbff"
