"""What of a session fits into a budget of tokens. Pure: the messages come as an iterator, newest first.

Source of the shares: the public API. A summary may take 40 % of what representation and card leave; the messages take
the rest, newest first, and the first one that does not fit ends the walk. Only the very newest message is cut rather
than left out, so that a context is never without what was said last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from omoide.records import Message, Summary
from omoide.store.summaries import LONG, SHORT

SUMMARY_SHARE = 0.4

Trim = Callable[[str, int], str]
Count = Callable[[str], int]


def choose_summary(summaries: Mapping[str, Summary], budget: int) -> Summary | None:
    """The long summary if it fits into its share and says more than the short one, else the short one if it fits."""
    allowance = int(budget * SUMMARY_SHARE)
    long, short = summaries.get(LONG), summaries.get(SHORT)
    if long and long.token_count <= allowance and long.token_count > (short.token_count if short else 0):
        return long
    return short if short and 0 < short.token_count <= allowance else None


def choose_messages(newest_first: Iterable[Message], budget: int, *, trim: Trim, count: Count) -> list[Message]:
    """The newest messages whose tokens fit into the budget, oldest first; the iterator is read no further than that."""
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
