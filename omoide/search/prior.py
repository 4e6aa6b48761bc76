"""How likely a message is to answer a query, from what the cross-encoder does not read. Pure.

The cross-encoder compares the words of two texts. It hardly minds that the first results of the search are better than
the last, that a question answers nothing, that a message of three words says little, or who speaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log1p

from omoide.core.records import Message
from omoide.search.query import Query
from omoide.storage.message_search import QUESTION_MARKS

# In logits of the cross-encoder, fitted to conversations in five languages.
RANK = 2.1
"""Loss for each e-fold of the rank in the search."""
SPEAKER = 3.6
"""Gain of a message whose speaker the query names."""
LENGTH, LENGTH_FOR_A_WORD = 4.2, 2.1
"""Gain for each e-fold of the length, up to `MOST_LENGTH` characters; for a query of one word the second."""
MOST_LENGTH = 200
ASKS = 3.6
"""Loss of a message that ends with a question."""


def priors(query: Query, hits: Iterable[Message]) -> list[float]:
    """The prior score of each result of a search, in order; only their differences matter."""
    return [-RANK * log1p(rank) + _of_message(query, hit) for rank, hit in enumerate(hits)]


def _of_message(query: Query, message: Message) -> float:
    text = message.content.strip()
    gain = LENGTH if query.is_sentence or len(query.words) > 1 else LENGTH_FOR_A_WORD
    score = gain * log1p(min(len(text), MOST_LENGTH))
    if query.names(message.peer_id):
        score += SPEAKER
    if text[-1:] in QUESTION_MARKS:
        score -= ASKS
    return score
