"""Matchers for texts and lists. Stories are parsed strictly: an unknown key is an error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Absent = Literal[False]
"""`false` if the value is expected to be absent."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


class Matching(Strict):
    """An expectation. It must set at least one of its claims."""

    claims: ClassVar[frozenset[str]] = frozenset()
    """The fields that are claims; the others select the resource."""

    @model_validator(mode="after")
    def _claims_something(self) -> Matching:
        if not self.model_fields_set & self.claims:
            raise ValueError(f"claims nothing: give one of {', '.join(sorted(self.claims))}")
        return self


class Text(Matching):
    """Claims about a text: parts in any or in this order, absent parts, or the whole text."""

    claims = frozenset({"contain", "lack", "in_order", "whole"})

    contain: list[str] = Field(default_factory=list)
    lack: list[str] = Field(default_factory=list)
    in_order: list[str] = Field(default_factory=list)
    whole: str | None = None

    def hold_text(self, text: str) -> None:
        if self.whole is not None:
            assert text == self.whole
        for part in self.contain:
            assert part in text, f"{part!r} is not in {text!r}"
        for part in self.lack:
            assert part not in text, f"{part!r} is in {text!r}"
        end = 0
        for part in self.in_order:
            assert part in text[end:], f"{part!r} is not in {text!r}, or not after the previous parts"
            end = text.index(part, end) + len(part)


class Entries(Matching):
    """Claims about a list of texts: contained parts, absent parts, the count, or the exact entries in any order."""

    claims = frozenset({"contain", "lack", "count", "are"})

    contain: list[str] = Field(default_factory=list)
    lack: list[str] = Field(default_factory=list)
    count: int | None = Field(None, ge=0)
    are: list[str] | None = None

    def hold_entries(self, texts: Iterable[str]) -> None:
        entries: Sequence[str] = [*texts]
        if self.are is not None:
            assert sorted(entries) == sorted(self.are)
        if self.count is not None:
            assert len(entries) == self.count, entries
        for part in self.contain:
            assert any(part in entry for entry in entries), f"{part!r} is in none of {entries}"
        for part in self.lack:
            assert not any(part in entry for entry in entries), f"{part!r} is in one of {entries}"


def hold_text(expected: Text | Absent | None, text: str | None) -> None:
    """Check a text against claims, or against `false` for none. None expects nothing."""
    if expected is False:
        assert not text, f"expected no text, got {text!r}"
    elif expected is not None:
        expected.hold_text(text or "")


def hold_entries(expected: Entries | Absent | None, entries: Sequence[str] | None) -> None:
    """Check a list against claims, or against `false` for none. An empty list is not absent."""
    if expected is False:
        assert entries is None, f"expected no list, got {entries}"
    elif expected is not None:
        assert entries is not None, "expected a list, got none"
        expected.hold_entries(entries)
