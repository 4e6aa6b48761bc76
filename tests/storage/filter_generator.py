"""Generate random rows and random filters for them, including edge cases.

Filters take most of their values from the rows, so that many of them keep some rows and drop others. All randomness
comes from the `Random` that is passed in. This module does not evaluate filters.
"""

from __future__ import annotations

from random import Random
from typing import Any

Row = dict[str, Any]

IDS = ("a", "A", "b", "ab", "é", "É", "straße", "STRASSE", "%", "_", "*", "x'y", '"', "\\", "😀", "\uffff", "")
TEXTS = (*IDS, "true", "5", "5.0", " 5 ", "1e1", "+.5", "007", "1_0", "nan", "inf", "0x10", "-", "1e999", "null", "[5]")
INTEGERS = (0, 1, 5, 10, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63))
LONG_INTEGERS = (2**63, 2**64 - 2, 2**64 - 1, 2**64, 2**64 + 1, -(2**63) - 1, 10**30, -(10**30))
NUMBERS = (*INTEGERS, 0.5, 5.0, 4.999999, 10.5, 1e16, 7.654927133881691e-231, 1e300, 2.0**64, 1e30, *LONG_INTEGERS)
NUMERIC = (*NUMBERS, "5", " 5.5 ", "1e1", "-0", "9223372036854775806.5", "1e99", True)
KEYS = ("a", "b", "c", "a.b", 'q"q', "é", "", "x y", "0", "back\\slash", "$", "AND", "in")
LEVELS = ("contradiction", "deductive", "explicit", "inductive")
STATUSES = ("current", "invalid", "merged", "superseded")
TIMES = {
    0: "1970-01-01",
    1_705_314_600_000_000: "2024-01-15T10:30:00Z",
    1_705_314_600_000_001: " 2024-01-15 12:30:00.000001+02:00 ",
    -62_135_596_800_000_000: "0001-01-01T00:00",
    1_705_276_800_000_000: "2024-W03-1",
    253_402_300_799_999_999: "9999-12-31T23:59:59.999999",
}
INSTANTS = (*TIMES.values(), "2024-01-15", "20240115T103000Z", "2024-01-15T10:30:00,000001")
ODDITIES: tuple[Any, ...] = (
    *("\0", "\ud800", 10**400, -(10**308), float("nan"), float("inf"), 1e308, "soon", "2024-13-01", True, None, (1,)),
    *({}, [], [[[]]], {"eq": 5}, {1: 2}, {"in": 5}, {"gt": None}, {"ne": []}, {"contains": None}, {"in": {"a": 1}}),
    {"gt": 1, "x": 1},
)
COMPARISONS = ("gte", "lte", "gt", "lt")
CONTAINS = ("contains", "icontains")

FIELDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "Workspace": {"id": IDS, "workspace_id": IDS},
    "Peer": {"id": IDS, "peer_id": IDS, "workspace_id": IDS},
    "Session": {"id": IDS, "session_id": IDS, "workspace_id": IDS, "is_active": (True, False)},
    "Message": {"id": IDS, "session_id": IDS, "peer_id": IDS, "content": TEXTS, "token_count": NUMERIC},
    "Conclusion": {"session_id": IDS, "observer": IDS, "observed_id": IDS, "content": TEXTS, "level": LEVELS}
    | {"times_derived": NUMERIC, "source_ids": (), "status": STATUSES, "said_at": INSTANTS, "valid_from": INSTANTS}
    | {"valid_until": INSTANTS, "ended_at": INSTANTS, "superseded_by": IDS, "message_ids": ()}
    | {"message_id": IDS},
}
"""The fields of each resource used in filters, with values to compare them with."""

MAX_DEPTH = 6
"""Maximum levels of logic in a filter: one more than allowed."""


class Generator:
    """Generate rows of one resource, and filters for them."""

    def __init__(self, random: Random, resource: str) -> None:
        self.random = random
        self.resource = resource
        self.rows: list[Row] = []

    def make_rows(self, count: int) -> list[Row]:
        """Rows with the fields of all resources; kept, so that filters can use their values."""
        self.rows = [self._row(name) for name in self.random.sample(IDS, count)]
        return self.rows

    def make_filter(self, depth: int = 0) -> Row:
        """A filter object, valid or not."""
        made: Row = {}
        for _ in range(self.random.choice((1, 1, 1, 2))):
            if depth < MAX_DEPTH and self._chance(0.25):
                size = self.random.choice((0, 1, 2, 2, 3))
                made[self.random.choice(("AND", "OR", "NOT"))] = [self.make_filter(depth + 1) for _ in range(size)]
            elif self.resource != "Conclusion" and self._chance(0.5):
                made["metadata"] = self._odd() or self._metadata_condition()
            else:
                fields = {**FIELDS[self.resource], "created_at": INSTANTS}
                name = self.random.choice([*fields])
                condition = self._column_condition(fields[name]) if fields[name] else self._array_condition(name)
                made["and" if self._chance(0.01) else name] = self._odd() or condition
        return made

    def _chance(self, of_one: float) -> bool:
        return self.random.random() < of_one

    def _odd(self) -> Any:
        """Rarely an edge case, usually None."""
        return self.random.choice(ODDITIES) if self._chance(0.02) else None

    def _some(self, values: Any) -> list[Any]:
        return self.random.sample([*values], self.random.randint(0, len(values)))

    def _row(self, name: str) -> Row:
        pick = self.random.choice
        few = IDS[:4]
        return {
            "id": name,
            **{key: pick(few) for key in ("workspace_id", "peer_id", "observer_id", "observed_id")},
            "session_id": pick((*few, None)) if self.resource == "Conclusion" else pick(few),
            "content": pick(TEXTS),
            "level": pick(LEVELS),
            "token_count": pick(INTEGERS),
            "times_derived": pick(INTEGERS),
            "source_ids": pick((None, [], self.random.sample(IDS, 3), self.random.sample(IDS, 6))),
            "is_active": pick((True, False)),
            "created_at": pick([*TIMES]),
            "said_at": pick([*TIMES]),
            **{key: pick((*TIMES, None)) for key in ("valid_from", "valid_until", "ended_at")},
            "status": pick(STATUSES),
            "superseded_by": pick((*few, None)),
            "message_ids": pick(([], self.random.sample(IDS, 3), self.random.sample(IDS, 6))),
            "metadata": {key: self._json(3) for key in self.random.sample(KEYS[:4], 3) + self.random.sample(KEYS, 2)},
        }

    def _json(self, depth: int) -> Any:
        if depth and self._chance(0.15):
            return {self.random.choice(KEYS): self._json(depth - 1) for _ in range(self.random.randrange(3))}
        if depth and self._chance(0.2):
            return [self._json(depth - 1) for _ in range(self.random.randrange(4))]
        return self._scalar()

    def _scalar(self) -> Any:
        return self.random.choice(self.random.choice((TEXTS, NUMBERS, (True, False, None))))

    # Columns

    def _column_condition(self, values: tuple[Any, ...]) -> Any:
        def operand() -> Any:
            return self._odd() or self.random.choice(values)

        def listed() -> Any:
            members = [operand() for _ in range(self.random.randrange(5))]
            return members if self._chance(0.5) else {"in": members}

        def substring() -> Any:
            value = self.random.choice(values)
            return {self.random.choice(CONTAINS): self._text_part(value) if isinstance(value, str) else value}

        def compared() -> Any:
            operators = self.random.sample((*COMPARISONS, "ne"), self.random.choice((1, 1, 2)))
            return {operator: operand() for operator in operators}

        def without_value() -> Any:
            return self.random.choice((None, "*", {"ne": None}, {"gte": "*"}, {"in": ["*"]}))

        searched = substring if values in (IDS, TEXTS, LEVELS, STATUSES) or self._chance(0.1) else listed
        return self.random.choice((operand, operand, listed, listed, searched, searched, compared, without_value))()

    def _array_condition(self, name: str) -> Any:
        ids = [*(self.random.choice(self.rows)[name] or []), "zz"]
        return self.random.choice(
            (None, {"ne": None}, {"contains": self._some(ids)[:2]}, {"contains": self.random.choice(ids)})
        )

    def _text_part(self, text: str) -> str:
        start = self.random.randrange(len(text) + 1)
        part = text[start : start + 2]
        return self.random.choice((part, part.upper(), part.casefold(), text))

    # Metadata

    def _metadata_condition(self) -> Any:
        if self._chance(0.05):
            return self.random.choice((None, "*", {}, [], [self._json(1)], 5))
        document = self.random.choice(self.rows)["metadata"]
        chosen = self.random.sample([*document], self.random.choice((1, 1, 1, 2)))
        if self._chance(0.05):
            return {"contains": {key: self._part(document[key]) for key in chosen}}
        return {key: self._odd() or self._key_condition(document[key]) for key in chosen}

    def _key_condition(self, value: Any) -> Any:
        """A condition on a key that has this value in some row."""
        if isinstance(value, dict) and value and self._chance(0.8):
            key = self.random.choice([*value])
            return {key: self._key_condition(value[key])}
        near = value if self._chance(0.5) else self._scalar()

        def equal() -> Any:
            return "*" if self._chance(0.02) else self._part(value)

        def listed() -> Any:
            return {"in": [near, *(self._json(1) for _ in range(self.random.randrange(3)))]}

        def substring() -> Any:
            inner = self.random.choice(value) if isinstance(value, list) and value else near
            part = self._text_part(inner) if isinstance(inner, str) and self._chance(0.5) else inner
            return {self.random.choice(CONTAINS): part}

        def compared() -> Any:
            scalar = self._scalar() if isinstance(near, dict | list) else near
            return {self.random.choice((*COMPARISONS, "ne", "ne")): scalar}

        return self.random.choice((equal, equal, listed, substring, compared))()

    def _part(self, value: Any) -> Any:
        """The value, a part of it, or the same number in another form."""
        if isinstance(value, dict):
            return {key: self._part(value[key]) for key in self._some(value)}
        if isinstance(value, list):
            return [self._part(item) for item in self._some(value)]
        if isinstance(value, int) and not isinstance(value, bool) and self._chance(0.5):
            return float(value)
        return str(value) if self._chance(0.1) else value
