"""Statements that cannot both hold, and pairs that only look like it. The first of each pair was said first."""

from __future__ import annotations

import pytest

from omoide.reasoner.extractive.conflicts import conflicts
from omoide.reasoner.extractive.rewording import meaning
from tests.reasoner.extractive.conclusion_factories import said


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("alice went to Japan in 2019", "alice has never been to Japan"),
        ("alice is an only child", "alice's brother is Tom"),
        ("alice's son is Tim", "alice has no kids"),
        ("alice is vegetarian", "alice ate a steak at the new place"),
        ("alice is allergic to peanuts", "alice eats peanuts every day"),
        ("alice does not drink alcohol", "alice drinks wine with dinner"),
        ("alice's middle name is Rose", "alice's middle name is Marie"),
        ("alice is left-handed", "alice is right-handed"),
        ("alice cannot swim", "alice swims every morning"),
        ("alice plays the piano", "alice has never played the piano"),
        ("alice speaks German", "alice does not speak German"),
        ("alice does not eat fish", "alice eats fish on Fridays"),
        ("alice is an only child, so Christmas is quiet", "alice had to drive alice's little brother to the airport"),
        ("alice has been vegan for years", 'alice said: "We had a bacon sandwich on the ferry, best thing ever."'),
        ("alice can't swim, alice never learned", "alice swims every morning before work"),
        ("alice has never broken a bone", "alice broke alice's arm twice when alice was a kid"),
        ("alice's dad died when alice was six", "alice's dad called alice about the garden"),
        ("alice's birthday is in March", "alice's birthday is on the 4th of October"),
    ],
)
def test_statements_that_cannot_both_hold_are_found(older: str, newer: str) -> None:
    statements = said(older, newer)
    assert [*conflicts(statements, "alice")] == [(statements[0], statements[1])]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("alice has never been to Japan", "alice went to Japan last month"),
        ("alice has no siblings", 'alice said: "My husband\'s sister is visiting us."'),
        ("alice's dad died in 2015", "alice's dad's brother called alice"),
        ("alice has never smoked", "alice's dad smoked for years"),
        ("alice has no kids", "alice's son was born"),
        ("alice ate a steak", "alice is vegetarian"),
        ("alice is vegetarian", "alice ate a veggie burger"),
        ("alice is an only child", "alice's brother-in-law is Tom"),
        ("alice is allergic to cats", "alice has two cats"),
        ("alice does not drink coffee in the evening", "alice drinks coffee every morning"),
        ("alice's dog is Rex", "alice's dog is Max"),
        ("alice used to eat fish", "alice does not eat fish"),
        ("alice does not live in Rome", "alice lives in Rome with Tom"),
        ("alice does not want a dog", "alice wants a cat"),
        ("alice is vegan", "alice had chicken pox"),
        ("alice is allergic to peanuts", "alice had no peanuts"),
        ('alice said: "I never eat fish."', "alice eats fish"),
        ("alice would never eat fish", "alice eats fish"),
        ("bob has never been to Japan", "alice went to Japan"),
    ],
)
def test_changes_and_lookalikes_are_none(older: str, newer: str) -> None:
    assert [*conflicts(said(older, newer), "alice")] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice loves hiking", "alice really enjoys going hiking"),
        ("alice loves to hike", "alice loves hiking"),
        ("alice lives in Lisbon", "alice is living in Lisbon"),
        ("alice's mum lives in Rome", "alice's mother lives in Rome"),
    ],
)
def test_rewordings_have_the_same_meaning(one: str, other: str) -> None:
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice likes cats more than dogs", "alice likes dogs more than cats"),
        ("alice loves Bob and hates Tom", "alice hates Bob and loves Tom"),
        ("alice moves to Oslo", "alice moved to Oslo"),
        ("alice moves to Oslo", "alice is moving to Oslo"),
        ("alice has a nurse", "alice is a nurse"),
        ("alice made a cake", "alice got a cake"),
        ("alice likes tea", "alice does not like tea"),
        ("alice ran in 27:12", "alice ran in 25:50"),
    ],
)
def test_what_says_something_else_has_another_meaning(one: str, other: str) -> None:
    assert meaning(one) != meaning(other)
