"""Read a table of messages (CSV, or separated by semicolons or tabs)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from omoide.text_extraction.chats.json_chats import SPEAKER_KEYS, TEXT_KEYS, TIME_KEYS

LONGEST_HEAD = 1_000


def rows(text: str) -> list[Mapping[str, str]] | None:
    """The rows of a table whose first row names a speaker, a text and a time; None if it is none, or damaged."""
    head = text[:LONGEST_HEAD].splitlines()[:1]
    separator = max(",;\t", key=head[0].count) if head else ","
    if not head or separator not in head[0]:
        return None
    try:
        names = {name.strip().lower() for name in next(csv.reader(head, delimiter=separator))}
        if not all(names & {*keys} for keys in (TEXT_KEYS, SPEAKER_KEYS, TIME_KEYS)):
            return None
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        return [{str(name).strip(): value for name, value in row.items() if isinstance(value, str)} for row in reader]
    except csv.Error:
        return None
