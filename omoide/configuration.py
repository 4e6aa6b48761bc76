"""How configuration is merged when it is updated. Pure.

Workspaces and sessions have typed sections beside keys of the caller's own. An update is a merge patch (RFC 7386) on
the top level and inside sections: what it names is set, null removes it, everything else stays. Keys that are not ours
are replaced whole, whatever they hold. Peers' configuration is not merged at all but replaced.
"""

from __future__ import annotations

from omoide.errors import Unprocessable
from omoide.records import Json

SECTIONS = frozenset({"reasoning", "peer_card", "summary", "dream", "dialectic"})
DEFAULT_SHORT_SUMMARY = 20
DEFAULT_LONG_SUMMARY = 60


def patched(stored: Json, patch: Json) -> Json:
    """The stored configuration after the patch. Raises Unprocessable if the summary intervals contradict each other."""
    result = dict(stored)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif key in SECTIONS and isinstance(value, dict):
            base = stored.get(key)
            section = {**(base if isinstance(base, dict) else {}), **value}
            result[key] = {name: inner for name, inner in section.items() if inner is not None}
        else:
            result[key] = value
    _check_summary_intervals(result.get("summary"))
    return result


def _check_summary_intervals(summary: object) -> None:
    if not isinstance(summary, dict):
        return
    short, long = summary.get("messages_per_short_summary"), summary.get("messages_per_long_summary")
    if short is not None and long is not None and short >= long:
        raise Unprocessable("messages_per_short_summary must be less than messages_per_long_summary")
