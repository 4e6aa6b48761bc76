"""Share the token budget of a context among what is known, the summary, and the messages of a session. Pure.

Representation and card may take `KNOWN_SHARE` of the budget, and what the others leave. A summary may take 40 % of the
remainder (source: the public API); messages take the rest, newest first, up to the first one that does not fit. Only
the newest message is truncated instead of omitted, so a context always contains the end of the conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from omoide.core.records import Message, Summary
from omoide.storage.summaries import LONG, SHORT

KNOWN_SHARE = 0.4
CARD_SHARE = 0.5
"""Share of the card in the tokens of what is known, unless the representation needs less than the rest."""
SUMMARY_SHARE = 0.4

Trim = Callable[[str, int], str]
Count = Callable[[str], int]


def reserved(known: int, budget: int) -> int:
    """Return the tokens that summary and messages may not use, given those that all that is known would take."""
    return min(known, int(budget * KNOWN_SHARE))


def choose_lines(card: Sequence[str], room: int, representation: int, *, count: Count) -> list[str]:
    """Return the first lines of the card that fit into its share of the room, given the representation's tokens."""
    remaining = max(int(room * CARD_SHARE), room - representation)
    chosen: list[str] = []
    for line in card:
        cost = count(line)
        if cost > remaining:
            break
        remaining -= cost
        chosen.append(line)
    return chosen


def choose_summary(summaries: Mapping[str, Summary], budget: int) -> Summary | None:
    """Return the long summary if it fits into its share and is longer than the short one, else the short one."""
    allowance = int(budget * SUMMARY_SHARE)
    long, short = summaries.get(LONG), summaries.get(SHORT)
    if long and long.token_count <= allowance and long.token_count > (short.token_count if short else 0):
        return long
    return short if short and 0 < short.token_count <= allowance else None


def choose_messages(newest_first: Iterable[Message], budget: int, *, trim: Trim, count: Count) -> list[Message]:
    """Return the newest messages that fit into the budget, oldest first. Consumes the iterator no further."""
    chosen: list[Message] = []
    for message in newest_first:
        if message.token_count <= budget:
            budget -= message.token_count
            chosen.append(message)
            continue
        if not chosen and budget > 0:
            content = trim(message.content, budget)
            chosen.append(message._replace(content=content, token_count=count(content)))
        break
    return chosen[::-1]
