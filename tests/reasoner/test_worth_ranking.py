"""Worth of statements, and their ranking for a representation."""

from __future__ import annotations

import pytest

from omoide.core.clock import DAY
from omoide.core.records import Level
from omoide.reasoner.extractive.worth import weigh
from omoide.reasoner.worth_ranking import rank
from omoide.storage.conclusion_search import Outline

NOW = 20_000 * DAY


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("kofi is allergic to penicillin", "kofi is happy to hear that"),
        ("kofi's sister runs a bakery in Accra", "kofi thinks so"),
        ("kofi lives in Tema with two cats", "kofi is at the counter now"),
        ('kofi said: "My grandmother taught me to weave kente."', 'kofi said: "It feels so good."'),
        ('kofi said: "I can\'t have dairy."', 'kofi said: "That\'s great, you did well."'),
        ('kofi said: "Please keep your answers short."', 'kofi said: "Yeah, sounds like a plan to me then."'),
        ('kofi said: "Yes." (in reply to "Do you have any allergies?")', 'kofi said: "Yes, sure."'),
        ('kofi said: "Two." (2026-03-01; in reply to "How many children do you have?")', 'kofi said: "Two of them."'),
        ('kofi said: "Meine Tochter heißt Lena."', 'kofi said: "Das ist ja schön."'),
        ('kofi said: "我住在上海，在一家公司工作。"', 'kofi said: "好的，没问题。"'),
        ('kofi said: "私は東京に住んでいます。"', 'kofi said: "そうですね、いいですね。"'),
    ],
)
def test_what_lasts_is_worth_more_than_talk(better: str, worse: str) -> None:
    assert weigh(better, "kofi").worth >= weigh(worse, "kofi").worth + 0.2


def outlines(*contents: str, level: Level = "explicit", said_at: int = NOW, times: int = 1) -> list[Outline]:
    return [Outline(number, text, level, said_at, times, None, True) for number, text in enumerate(contents)]


def told(*given: Outline, most: int = 100, frequent: int = 0) -> list[str]:
    texts = {each.pk: each.content for each in given}
    return [texts[each.pk] for each in rank(given, "kofi", NOW, most, frequent=frequent)]


def test_topics_take_turns() -> None:
    songs = [f"kofi loves the album number {n} of that band from Kumasi" for n in range(10)]
    first = told(*outlines(*songs, "kofi's son is Yaw", "kofi lives in Tema", "kofi works as a nurse"), most=4)
    assert len({*first} & {*songs}) == 1


def test_statements_that_differ_in_a_number_are_both_told() -> None:
    both = outlines("kofi ran the race on the coast in 27:12", "kofi ran the race on the coast in 25:50")
    assert len(told(*both)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "kofi is calling kofi's nephew Con (2026-03-01)",
        "kofi's nephew Con repairs fridges for the hospital",
        'kofi said: "I am calling my nephew Con."',
    ],
)
def test_what_a_longer_quotation_says_as_well_is_told_once(statement: str) -> None:
    longer = "I am calling my nephew Con. My nephew Con repairs fridges for the hospital, he owes me for his wedding."
    given = outlines(statement, f'kofi said: "{longer}"')
    assert told(*given) == [given[1].content]


def test_what_a_quotation_says_of_somebody_else_is_told_as_well() -> None:
    given = outlines("kofi lives in a small house in Accra", 'kofi said: "My sister lives in a small house in Accra."')
    assert len(told(*given)) == 2


def test_nearly_the_same_words_are_told_once_by_the_newest() -> None:
    given = outlines("kofi plays the drums in a band in Accra", "kofi also plays drums in the band in Accra")
    assert told(*given) == [given[0].content]


def test_the_longer_of_two_that_say_the_same_is_told() -> None:
    short, long = outlines(
        "kofi loves cycling in the mornings", "kofi really enjoys cycling in the mornings by the sea"
    )
    assert told(short, long) == told(long, short) == [long.content]


def test_the_same_words_of_another_subject_are_told() -> None:
    assert len(told(*outlines("kofi's brother Yaw lives in Tema", "kofi lives in Tema, with brother Yaw"))) == 2


def test_a_quotation_that_says_a_statement_and_more_stands_for_both() -> None:
    quoted = 'kofi said: "I was at the university in Kumasi for nine years. Then I had a mortgage and two dogs."'
    assert told(*outlines("kofi was at the university in Kumasi for nine years", quoted)) == [quoted]


def test_a_denial_is_not_the_same_as_what_it_denies() -> None:
    assert len(told(*outlines("kofi likes fish in the mornings", "kofi does not like fish in the mornings"))) == 2


def test_mere_talk_is_left_out_beside_what_is_worth_telling() -> None:
    worth = [f"kofi's {kin} lives in Tema" for kin in ("sister", "brother", "aunt", "uncle", "son")]
    talk = 'kofi said: "That\'s so true."'
    assert talk not in told(*outlines(*worth, talk))
    assert talk in told(*outlines(talk))


def test_a_callers_statements_are_never_left_out() -> None:
    given = [each._replace(is_learned=False) for each in outlines(*(f"that is so true {n}" for n in range(9)))]
    assert len(told(*given)) == 9


def test_what_is_over_counts_less_than_what_holds() -> None:
    over, holds = outlines("kofi has an appointment at the clinic", "kofi has a check-up at the hospital")
    assert told(over._replace(valid_until=NOW - DAY), holds)[0] == holds.content


def test_what_was_said_most_often_is_preferred_on_request() -> None:
    often = Outline(99, "kofi waters the plants", "explicit", NOW, 9, None, True)
    places = [f"kofi waited in room {n}" for n in range(5)]
    given = [*outlines("kofi lives in Tema", "kofi works as a nurse", *places), often]
    assert told(*given, most=3, frequent=1)[2] == often.content
    assert {each.pk: each.times for each in rank(given, "kofi", NOW, 9)}[99] == 9


def test_the_same_text_on_two_levels_is_two_entries() -> None:
    given = [*outlines("kofi loves hiking"), *outlines("kofi loves hiking", level="inductive")]
    assert len(told(*[each._replace(pk=pk) for pk, each in enumerate(given)])) == 2
