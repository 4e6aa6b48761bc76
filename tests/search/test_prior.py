"""What makes a message likely to answer a query, before the cross-encoder reads it."""

from __future__ import annotations

from omoide.core.records import Message
from omoide.search.prior import priors
from omoide.search.query import Query

ASKED = Query("Where does Ana keep her bees?")


def message(content: str, peer: str = "bob") -> Message:
    return Message("id", "s", "w", peer, content, {}, 0, 1)


def likelier(better: Message, worse: Message) -> bool:
    """Whether `better` has the higher prior although it was found after `worse`."""
    first, second = priors(ASKED, [worse, better])
    return second > first


def test_results_keep_the_order_of_the_search_if_alike() -> None:
    found = priors(ASKED, [message("They are on the roof.")] * 5)
    assert found == sorted(found, reverse=True)
    assert len({*found}) == 5


def test_a_statement_is_likelier_than_a_question() -> None:
    assert likelier(message("Ana's bees are on the roof."), message("Are Ana's bees on a roof?"))
    assert likelier(message("蜂は屋根の上にいます。"), message("蜂は屋根の上にいますか？"))


def test_what_the_named_peer_said_is_likelier() -> None:
    assert likelier(message("They are on the roof.", "ana"), message("They are on the roof.", "bob"))


def test_a_message_that_says_something_is_likelier_than_a_short_one() -> None:
    assert likelier(message("I keep them on the roof of the library."), message("yes!"))


def test_beyond_some_length_more_text_is_no_better() -> None:
    assert not likelier(message("bees " * 500), message("bees " * 50))


def test_length_counts_less_for_a_query_of_one_word() -> None:
    gains = []
    for query in (ASKED, Query("bees")):
        short, long = priors(query, [message("bees"), message("bees " * 50)])
        gains.append(long - short)
    assert gains[0] > gains[1] > 0
