"""Resolve the configurations of a workspace, a session and a message into one. Pure.

Levels override each other key by key: message over session over workspace over the operator's settings. Stored
configuration is an arbitrary object of the caller: a value that is missing, null or of the wrong type is inherited
from the next level and never raises. `omoide.core.config_merge` merges configuration when it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TypeVar

from omoide.core.config_merge import DEFAULT_LONG_SUMMARY, DEFAULT_SHORT_SUMMARY
from omoide.core.records import Json
from omoide.core.settings import Settings

T = TypeVar("T")

# From the public description of the API.
FEWEST_PER_SHORT_SUMMARY = 10
FEWEST_PER_LONG_SUMMARY = 20

MOST_PER_SUMMARY = 2**40
"""More messages than any session has. Larger values are clamped, because they might not fit into a stored integer."""


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """Effective configuration for one message, session or dream. Instructions are None or non-blank.

    The defaults are the program's, not the operator's. They must not change: `as_json` omits values equal to them.
    """

    reasoning_enabled: bool = True
    reasoning_instructions: str | None = None
    peer_card_use: bool = True
    peer_card_create: bool = True
    peer_card_instructions: str | None = None
    """Applied in addition to `dream_instructions`."""
    summary_enabled: bool = True
    messages_per_short_summary: int = DEFAULT_SHORT_SUMMARY
    messages_per_long_summary: int = DEFAULT_LONG_SUMMARY
    summary_instructions: str | None = None
    dream_enabled: bool = True
    """False whenever reasoning is off."""
    dream_instructions: str | None = None
    dialectic_instructions: str | None = None


PROGRAM_DEFAULTS = ResolvedConfig()
_NAMES = tuple(each.name for each in fields(ResolvedConfig))
_values = attrgetter(*_NAMES)
_DEFAULT_VALUES = _values(PROGRAM_DEFAULTS)


@dataclass(frozen=True, slots=True)
class Defaults:
    """The operator's settings, used where no level has a value."""

    reasoning_enabled: bool = True
    peer_card_use: bool = True
    peer_card_create: bool = True
    summary_enabled: bool = True
    messages_per_short_summary: int = DEFAULT_SHORT_SUMMARY
    messages_per_long_summary: int = DEFAULT_LONG_SUMMARY
    dream_enabled: bool = True
    """Main switch: if it is off, no level can turn dreams on."""
    resolved: ResolvedConfig = field(init=False, repr=False, compare=False)
    """The result for empty configurations, precomputed because nearly all are empty."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "resolved", _merged([], [], self))


def defaults_of(settings: Settings) -> Defaults:
    return Defaults(
        reasoning_enabled=settings.reasoning_enabled,
        peer_card_use=settings.peer_card_enabled,
        peer_card_create=settings.peer_card_enabled,
        summary_enabled=settings.summary_enabled,
        messages_per_short_summary=settings.messages_per_short_summary,
        messages_per_long_summary=settings.messages_per_long_summary,
        dream_enabled=settings.dream_enabled,
    )


def resolve(workspace: Json, session: Json | None, message: Json | None, defaults: Defaults) -> ResolvedConfig:
    """Return the effective configuration. Of a message's configuration only `reasoning` is used.

    A level without `reasoning.enabled` may use a legacy key: `deriver.enabled`, then `skip_deriver: true`. If the two
    summary intervals conflict, the one from the weaker level is adjusted (see `_intervals`).
    """
    if not (workspace or session or message):
        return defaults.resolved
    general = [level for level in (session, workspace) if level]
    with_message = [{"reasoning": message.get("reasoning")}, *general] if message else general
    return _merged(general, with_message, defaults)


def as_json(resolved: ResolvedConfig) -> Json:
    """Return the values that differ from the program's defaults. Equal configurations give equal results."""
    values = _values(resolved)
    if values == _DEFAULT_VALUES:  # nearly always
        return {}
    both = zip(_NAMES, values, _DEFAULT_VALUES, strict=True)
    return {name: value for name, value, default in both if value != default}


def from_json(frozen: Json) -> ResolvedConfig:
    """Inverse of `as_json`. Ignores keys written by another version."""
    known = {name: value for name, value in frozen.items() if name in _NAMES}
    return ResolvedConfig(**known) if known else PROGRAM_DEFAULTS


def _merged(general: list[Json], with_message: list[Json], defaults: Defaults) -> ResolvedConfig:
    """Resolve the levels, strongest first: `with_message` for the reasoning section, `general` for the others."""
    reasoning = _first(with_message, reasoning_enabled, defaults.reasoning_enabled)
    dream = _first(general, lambda level: _flag(level, "dream", "enabled"), True)
    short, long = _intervals(general, defaults)
    return ResolvedConfig(
        reasoning_enabled=reasoning,
        reasoning_instructions=_instructions(with_message, "reasoning"),
        peer_card_use=_first(general, lambda level: _flag(level, "peer_card", "use"), defaults.peer_card_use),
        peer_card_create=_first(general, lambda level: _flag(level, "peer_card", "create"), defaults.peer_card_create),
        peer_card_instructions=_first(general, lambda level: _text(_section(level, "peer_card")), "") or None,
        summary_enabled=_first(general, lambda level: _flag(level, "summary", "enabled"), defaults.summary_enabled),
        messages_per_short_summary=short,
        messages_per_long_summary=long,
        summary_instructions=_instructions(general, "summary", "reasoning"),
        dream_enabled=defaults.dream_enabled and reasoning and dream,
        dream_instructions=_instructions(general, "dream"),
        dialectic_instructions=_instructions(general, "dialectic"),
    )


def _first(levels: Iterable[Json], read: Callable[[Json], T | None], default: T) -> T:
    """Return the value of the strongest level that has one."""
    for level in levels:
        if (value := read(level)) is not None:
            return value
    return default


def _section(level: Json, name: str) -> Json:
    value = level.get(name)
    return value if isinstance(value, dict) else {}


def _flag(level: Json, section: str, key: str) -> bool | None:
    value = _section(level, section).get(key)
    return value if isinstance(value, bool) else None


def _text(section: Json) -> str | None:
    value = section.get("custom_instructions")
    return value.strip() if isinstance(value, str) else None


def reasoning_enabled(level: Json) -> bool | None:
    """Whether a level switches reasoning on or off; None if it says nothing about it."""
    for section in ("reasoning", "deriver"):
        if (value := _flag(level, section, "enabled")) is not None:
            return value
    return False if level.get("skip_deriver") is True else None


def _instructions(levels: Iterable[Json], *modules: str) -> str | None:
    """Return the strongest level's text: the module's own, else the shared one, else that of the other modules.

    An empty text overrides as None.
    """
    own, *others = modules

    def of(level: Json) -> str | None:
        sections = [_section(level, own), level, *(_section(level, other) for other in others)]
        return next((text for section in sections if (text := _text(section)) is not None), None)

    return _first(levels, of, "") or None


def _intervals(levels: list[Json], defaults: Defaults) -> tuple[int, int]:
    """Return the messages per short and per long summary; the first is always less than the second.

    Each comes from the strongest level that sets it. If they conflict, the one from the weaker level (the long one, if
    both are from the same) is recomputed in the proportion of the operator's defaults.
    """
    shorts = [_interval(level, "messages_per_short_summary", FEWEST_PER_SHORT_SUMMARY) for level in levels]
    longs = [_interval(level, "messages_per_long_summary", FEWEST_PER_LONG_SUMMARY) for level in levels]
    short_rank, short = _ranked([*shorts, defaults.messages_per_short_summary])
    long_rank, long = _ranked([*longs, defaults.messages_per_long_summary])
    if short < long:
        return short, long
    usual_short, usual_long = defaults.messages_per_short_summary, defaults.messages_per_long_summary
    if short_rank > long_rank:
        return max(FEWEST_PER_SHORT_SUMMARY, min(long - 1, long * usual_short // usual_long)), long
    return short, max(short + 1, min(MOST_PER_SUMMARY, short * usual_long // usual_short))


def _interval(level: Json, key: str, fewest: int) -> int | None:
    value = _section(level, "summary").get(key)
    if isinstance(value, float) and value.is_integer():  # to JSON Schema, 20.0 is an integer
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < fewest:
        return None
    return min(value, MOST_PER_SUMMARY)


def _ranked(values: list[int | None]) -> tuple[int, int]:
    """Return the index of the first value that is not None, and the value. The last one never is None."""
    return next((rank, value) for rank, value in enumerate(values) if value is not None)
