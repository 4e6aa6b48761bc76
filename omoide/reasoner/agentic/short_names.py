"""Short names for the records in one conversation with a model, which costs a fifth of what ids do."""

from __future__ import annotations

import re
from typing import Any

_NAME = re.compile(r"\W*(?:id\b\W*)?(m?)\s*(\d{1,9})\W*", re.IGNORECASE)
_QUOTED_ID = re.compile(r"'([\w-]{21})'")


class ShortNames:
    """Numbers conclusions (`3`) and messages (`m7`) in the order in which they are shown."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._counts = {"": 0, "m": 0}

    def conclusion(self, id: str) -> str:
        return self._names.get(id) or self._add("", id)

    def message(self, id: str) -> str:
        return self._names.get(id) or self._add("m", id)

    def id_of(self, name: str) -> str:
        """The id that the name stands for, however the model spells it; anything else is returned as it is.

        A number that no conclusion has stands for the message of that number.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            return name
        kind, number = match[1].lower(), int(match[2])
        return self._ids.get(f"{kind}{number}") or self._ids.get(f"m{number}") or name

    def resolved(self, arguments: Any) -> Any:
        """The arguments of a tool call, with ids instead of names in all fields `…_id` and `…_ids`."""
        if isinstance(arguments, dict):
            return {key: self._resolved(key, value) for key, value in arguments.items()}
        return [*map(self.resolved, arguments)] if isinstance(arguments, list) else arguments

    def shortened(self, text: str) -> str:
        """The text with names instead of quoted ids."""
        return _QUOTED_ID.sub(lambda match: f"'{self._names.get(match[1], match[1])}'", text)

    def _resolved(self, key: str, value: Any) -> Any:
        if not key.endswith(("_id", "_ids")):
            return self.resolved(value)
        if isinstance(value, list):
            return [self._resolved(key, each) for each in value]
        is_name = isinstance(value, str | int) and not isinstance(value, bool)
        return self.id_of(str(value)) if is_name else value

    def _add(self, kind: str, id: str) -> str:
        self._counts[kind] += 1
        name = f"{kind}{self._counts[kind]}"
        self._names[id], self._ids[name] = name, id
        return name
