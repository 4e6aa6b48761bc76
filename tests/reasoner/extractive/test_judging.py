"""With the cross-encoder, whether anything is known depends on who said what fits best."""

from __future__ import annotations

import pytest

from omoide.reasoner.evidence import Likeness
from omoide.reasoner.extractive.candidates import statements
from omoide.reasoner.extractive.questions import parse_question
from omoide.reasoner.extractive.retrieval import rephrased
from omoide.reasoner.extractive.statement_cues import statement_cues
from tests.reasoner.extractive import answering
from tests.reasoner.extractive.answering import NOTHING, WITH, check, compose, question, ranking, snippet

TALK = snippet(
    ("bob", "My dog Rex chewed up my running shoes last night, the third pair this year."),
    ("alice", "Oh no! I spent the evening potting tomatoes on the balcony."),
    ("bob", "How did the interview at the museum go?"),
    ("alice", "Better than expected, they want me to start in the archive in May."),
    ("bob", "Congratulations! The herb woman says hello, she is eighty-one now and still drives in from Keysborough."),
)


@pytest.fixture(autouse=True)
def _cross_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "reranker", WITH)


def test_what_only_another_peer_has_is_not_known_of_the_peer_in_question() -> None:
    assert compose(question("What is alice's dog called?"), [], TALK).startswith(NOTHING)
    check(compose(question("What is bob's dog called?", "bob", "bob"), [], TALK), ["Rex"], ["tomatoes"])


def test_what_another_peer_tells_of_others_is_an_answer() -> None:
    check(compose(question("How old is the woman who brings the herbs?"), [], TALK), ["eighty-one"], ["Rex"])


def test_what_only_reading_both_tells_is_an_answer() -> None:
    found = snippet(("alice", "My sister is getting married in Verona in September, so I am learning some Italian."))
    check(compose(question("Which language is alice learning?"), [], [*TALK, *found]), ["Italian"], ["Rex"])


def test_a_message_is_understood_by_those_before_it() -> None:
    cosines = {"0-0-bob": 0.72, "0-1-alice": 0.5, "0-2-alice": 0.4}
    found = snippet(
        ("bob", "What became of the sailing boat?"),
        ("alice", "Sold it last week. 1100."),
        ("alice", "Dinner was lovely by the way."),
    )
    asked = parse_question("Does alice still own the sailing boat?", ["alice", "bob"], "alice", "alice")
    candidates = statements(question(asked.text), asked, [], found)
    cues = statement_cues(asked, candidates, found, Likeness("bge-small:1", cosines))
    assert cues["near_before"].tolist()[0] == max(cues["near_before"]) > 1


def test_a_reply_is_quoted_for_what_its_question_asked() -> None:
    check(compose(question("How did alice's interview go?"), [], TALK), ["Better than expected"], ["Rex"])


@pytest.mark.parametrize(
    "query", ["How tall is alice?", "What is alice's blood group?", "Which church does alice attend?"]
)
def test_the_least_bad_statement_is_no_answer_to_a_plain_question(query: str) -> None:
    assert compose(question(query), [], TALK) == f"{answering.NOTHING} regarding alice."


def test_a_question_is_rephrased_into_its_words_and_parts() -> None:
    query = "Where does alice live and what is her dog called?"
    forms = rephrased(query, parse_question(query, ["alice"], "alice", "alice"))
    assert forms[:3] == ["live dog called", "Where does alice live", "what is her dog called?"]


def test_thanks_and_doubts_do_not_hide_what_else_a_message_tells() -> None:
    found = snippet(
        ("alice", "Thanks for asking! My sister opened a bakery in Ghent."),
        ("alice", "Not sure yet. We are moving the cello lessons to Thursday."),
        ("alice", "I don't know, I have no idea."),
    )
    check(compose(question("Where did alice's sister open a bakery?"), [], found), ["Ghent"], ["no idea"])
    check(compose(question("On which day are alice's cello lessons?"), [], found), ["Thursday"], ["no idea"])


def test_of_equally_good_statements_the_newest_answers_about_now() -> None:
    found = snippet(
        ("alice", "Guess what, my best time in the charity run is 27:12!"),
        ("alice", "I ran again yesterday and beat my best time with 25:50, I'm thrilled."),
    )
    text = compose(question("What is alice's best time?"), [], found)
    assert 0 <= text.index("25:50") < text.index("27:12")
