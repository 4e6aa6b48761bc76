"""Read the conclusions that a batch of messages may replace or correct, for reasoners that compare them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from omoide.core.records import Conclusion, Message
from omoide.search.known_conclusions import Wanted, nearest
from omoide.services.container import Services
from omoide.storage.conclusion_search import ConclusionSearch

MOST_CONCLUSIONS = 40
"""Maximum number of conclusions per batch; reasoners limit them further, in tokens."""
MOST_QUERIES = 32
"""Maximum number of searches per batch, for the newest pieces of its messages."""
PIECE = 300
"""Characters of a piece: one to three sentences. The embedding of a longer text says less about each of them."""
SHORT = 60
"""Characters of a reply that takes its meaning from the message before it, which is searched for with it."""

_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")


async def known_conclusions(
    deps: Services, workspace_id: str, pair: tuple[str, str], messages: Sequence[Message], first: Sequence[int] = ()
) -> Sequence[Conclusion]:
    """Return current explicit conclusions of observer and observed: those of the rows `first`, and then those that are
    nearest to the messages, best first."""
    observer_id, observed_id = pair
    request = ConclusionSearch(
        workspace_id,
        limit=MOST_CONCLUSIONS,
        observer_id=observer_id,
        observed_id=observed_id,
        is_derived=False,
    )
    wanted = Wanted([*queries(messages, observed_id)][-MOST_QUERIES:], first)
    return await nearest(deps.store, deps.finder, request, wanted)


def queries(messages: Sequence[Message], observed_id: str) -> Iterator[str]:
    """Yield the pieces of the observed peer's messages, each with its context if it is short. Pure."""
    before = ""
    for message in messages:
        if message.peer_id != observed_id:
            before = message.content[-PIECE:]
            continue
        for piece in _pieces(message.content):
            yield f"{before} {piece}".strip() if len(piece) <= SHORT else piece
        before = ""


def _pieces(text: str) -> Iterator[str]:
    """Split at the ends of sentences, into pieces of at most `PIECE` characters."""
    piece = ""
    for sentence in _END.split(text):
        if piece and len(piece) + len(sentence) >= PIECE:
            yield piece
            piece = ""
        piece = f"{piece} {sentence}".strip()
        while len(piece) > PIECE:
            yield piece[:PIECE]
            piece = piece[PIECE:].strip()
    if piece:
        yield piece
