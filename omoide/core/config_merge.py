"""Merge configuration updates. Pure.

The configuration of workspaces and sessions has typed sections and arbitrary other keys. An update is a merge patch
(RFC 7386) at the top level and inside sections: named keys are set, null removes a key, other keys stay. Keys other
than sections are replaced as a whole. The configuration of peers is replaced, not merged.
"""

from __future__ import annotations

from omoide.core.errors import Unprocessable
from omoide.core.records import Json

SECTIONS = frozenset({"reasoning", "peer_card", "summary", "dream", "dialectic", "budget"})
DEFAULT_SHORT_SUMMARY = 20
DEFAULT_LONG_SUMMARY = 60


def merge_config(stored: Json, patch: Json) -> Json:
    """Apply a patch to the stored configuration. Raises Unprocessable if the summary intervals are inconsistent."""
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
