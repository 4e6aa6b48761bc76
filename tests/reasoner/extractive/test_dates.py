"""Relative dates are resolved at their own precision, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from omoide.reasoner.extractive.dates import dated, note_of_dates, with_dates

SUNDAY = datetime(2026, 11, 22, 10, tzinfo=UTC)

DATED = [
    ("went to Porto yesterday", "went to Porto yesterday (2026-11-21)"),
    ("Yesterday I ran", "Yesterday (2026-11-21) I ran"),
    ("ran today", "ran today (2026-11-22)"),
    ("tomorrow morning", "tomorrow morning (2026-11-23)"),
    ("tonight", "tonight (2026-11-22)"),
    ("this morning", "this morning (2026-11-22)"),
    ("last night", "last night (2026-11-21)"),
    ("the day after tomorrow", "the day after tomorrow (2026-11-24)"),
    ("the day before yesterday", "the day before yesterday (2026-11-20)"),
    ("yesterday's meeting", "yesterday's (2026-11-21) meeting"),
    ("last week", "last week (week of 2026-11-09)"),
    ("this week", "this week (week of 2026-11-16)"),
    ("next week", "next week (week of 2026-11-23)"),
    ("last month", "last month (2026-10)"),
    ("next month", "next month (2026-12)"),
    ("saw it last year", "saw it last year (2025)"),
    ("Last year, I moved", "Last year (2025), I moved"),
    ("next year's plan", "next year's (2027) plan"),
    ("3 days ago", "3 days ago (2026-11-19)"),
    ("two weeks ago", "two weeks ago (around 2026-11-08)"),
    ("a fortnight ago", "a fortnight ago (around 2026-11-08)"),
    ("three months ago", "three months ago (around 2026-08)"),
    ("ten years ago", "ten years ago (around 2016)"),
    ("My exam is in 3 days", "My exam is in 3 days (2026-11-25)"),
    ("I fly to Rome in two weeks", "I fly to Rome in two weeks (around 2026-12-06)"),
    ("last December", "last December (2025-12)"),
    ("next March", "next March (2027-03)"),
    ("Friday last week", "Friday last week (2026-11-13)"),
    ("next week Tuesday", "next week Tuesday (2026-11-24)"),
]

ALONE = [
    "on Friday",
    "every Monday",
    "last summer",
    "last June",  # this year's or the previous one
    "I may go next may",
    "the last month",
    "the last week of June",
    "last week of June",
    "a few days ago",
    "an hour ago",
    "half a year ago",
    "1.5 years ago",
    "2-3 days ago",
    "two or three weeks ago",
    "a year and two months ago",
    "about 3 days ago",
    "every three days ago",
    "I finished it in 3 days",
    "a week from tomorrow",
    "there is no tomorrow",
    "I saw Yesterday with Ann",
    'the note "back tomorrow" hung there',
    "he told me he comes tomorrow",
    "yesterday (2026-11-21)",
    "tomorrow-ish",
    "todays and yesterdays",
]

# More forms of what people say, each on the day of its sentence: what it means, or None if that is not certain.
SAID: list[tuple[str, str, str | None]] = [
    ("2026-11-23", "I went hiking last weekend", "weekend of 2026-11-21"),
    ("2026-11-27", "Last weekend we met Bob", "weekend of 2026-11-21"),
    ("2026-11-21", "last weekend's trip", "weekend of 2026-11-14"),
    ("2026-11-22", "I camped last weekend", "weekend of 2026-11-14"),
    ("2026-11-23", "the last weekend in June", None),
    ("2026-11-23", "I went there last weekend in June", None),
    ("2026-11-23", "last weekend of June", None),
    ("2026-11-23", "the weekend before last", "weekend of 2026-11-14"),
    ("2026-11-22", "the weekend before last", "weekend of 2026-11-07"),
    ("2026-11-22", "the weekend after next", "weekend of 2026-12-05"),
    ("2026-11-23", "the weekend after next", None),
    ("2026-11-25", "the week before last", "week of 2026-11-09"),
    ("2026-11-25", "the month before last", "2026-09"),
    ("2026-01-25", "the month before last", "2025-11"),
    ("2026-11-25", "the year before last", "2024"),
    ("2026-11-21", "next weekend", "weekend of 2026-11-28"),
    ("2026-11-22", "next weekend", "weekend of 2026-11-28"),
    ("2026-11-23", "next weekend", None),
    ("2026-11-27", "I am free next weekend", None),
    ("2026-11-21", "this weekend", "weekend of 2026-11-21"),
    ("2026-11-22", "I baked this weekend", "weekend of 2026-11-21"),
    ("2026-11-23", "I baked a cake this weekend", "weekend of 2026-11-21"),
    ("2026-11-24", "This weekend I visited my mum", "weekend of 2026-11-21"),
    ("2026-11-23", "This weekend was great", "weekend of 2026-11-21"),
    ("2026-11-25", "I'm going to bake this weekend", "weekend of 2026-11-28"),
    ("2026-11-23", "This weekend I'll bake", "weekend of 2026-11-28"),
    ("2026-11-27", "I baked a cake this weekend", None),
    ("2026-11-25", "bread this weekend", None),
    ("2026-11-24", "this past weekend", "weekend of 2026-11-21"),
    ("2026-11-24", "this coming weekend", "weekend of 2026-11-28"),
    ("2026-11-22", "this past weekend", None),
    ("2026-11-23", "I painted the fence over the weekend", "weekend of 2026-11-21"),
    ("2026-11-26", "I painted the fence over the weekend", None),
    ("2026-11-23", "I work over the weekend", None),
    ("2026-11-23", "I saw her the other day", None),
    ("2026-11-25", "I started on Monday", "2026-11-23"),
    ("2026-11-25", "I went to the gym on Monday", "2026-11-23"),
    ("2026-11-25", "We met on Friday evening", "2026-11-20"),
    ("2026-11-25", "On Monday I went to the gym", "2026-11-23"),
    ("2026-11-25", "On Monday, my brother and I went home", None),
    ("2026-11-25", "The party was on Saturday", "2026-11-21"),
    ("2026-11-25", "I started on Wednesday", None),
    ("2026-11-25", "I start on Monday", None),
    ("2026-11-25", "I am starting on Monday", None),
    ("2026-11-25", "I booked a flight on Monday", None),
    ("2026-11-25", "I have an exam on Friday", None),
    ("2026-11-25", "I had to be there on Monday", None),
    ("2026-11-25", "I was going to call on Monday", None),
    ("2026-11-25", "I was told about the meeting on Monday", None),
    ("2026-11-25", "I was invited to a party on Friday", None),
    ("2026-11-25", "I bought tickets for the show on Friday", None),
    ("2026-11-25", "I made plans for dinner on Friday", None),
    ("2026-11-25", "I went out, and on Friday I rest", None),
    ("2026-11-25", "On Friday I'll rest", None),
    ("2026-11-25", "I went on Monday and Tuesday", None),
    ("2026-11-25", "I went on Monday nights", None),
    ("2026-11-25", "I went on Mondays", None),
    ("2026-11-25", "I went on Monday, 3 August", None),
    ("2026-11-25", "I went there on Monday the 5th", None),
    ("2026-11-22", "three days ago", "2026-11-19"),
    ("2026-11-22", "I moved a couple of weeks ago", "around 2026-11-08"),
    ("2026-11-22", "a couple of days ago", "around 2026-11-20"),
    ("2026-11-22", "a couple months ago", "around 2026-09"),
    ("2026-11-22", "I fly in a couple of weeks", "around 2026-12-06"),
    ("2026-11-22", "My exam is in two weeks", "around 2026-12-06"),
    ("2026-11-22", "I read it in two weeks", None),
    ("2026-11-22", "a few weeks ago", None),
    ("2026-11-22", "I moved earlier this month", "2026-11"),
    ("2026-11-22", "earlier this year", "2026"),
    ("2026-11-22", "later this week", "week of 2026-11-16"),
    ("2026-11-22", "I moved to Rome back in March", "2026-03"),
    ("2026-02-22", "Back in March we met", "2025-03"),
    ("2026-03-22", "back in March", None),
    ("2026-11-22", "I bought it back in March 2019", None),
    ("2026-11-22", "I'll be back in March", None),
    ("2026-11-22", "We are coming back in March", None),
    ("2026-11-22", "She went back in March", None),
    ("2026-11-22", "I plan to move back in March", None),
    ("2026-11-22", "We met last summer", None),
    ("2026-12-22", "We met last summer", "summer 2026"),
    ("2026-01-22", "We met last summer", "summer 2025"),
    ("2026-07-22", "We met last summer", "summer 2025"),
    ("2026-11-22", "last spring", "spring 2026"),
    ("2026-07-01", "last spring", None),
    ("2026-09-22", "last winter", "winter 2025/26"),
    ("2026-02-22", "last winter", "winter 2024/25"),
    ("2026-04-22", "last winter", None),
    ("2026-05-22", "last fall", "fall 2025"),
    ("2026-11-22", "next summer", "summer 2027"),
    ("2026-04-22", "next summer", None),
    ("2026-07-22", "this summer", "summer 2026"),
    ("2026-11-22", "this summer", None),
    ("2026-12-22", "this winter", "winter 2026/27"),
    ("2026-12-22", "the last summer of the war", None),
    ("2026-11-25", "He said he went on Monday", None),
    ("2026-11-25", 'the note "went on Monday" hung there', None),
    ("2026-11-25", "my show Last Weekend sold out", None),
]

# The days of one week, Monday to Sunday, and the meaning of phrases with Friday on each.
FRIDAYS: dict[str, list[str | None]] = {
    "last Friday": [*["2026-11-13"] * 5, "2026-11-20 or 2026-11-13", "2026-11-20 or 2026-11-13"],
    "next Friday": [None, None, None, None, "2026-11-27", "2026-11-27", "2026-11-27"],
    "this Friday": ["2026-11-20", "2026-11-20", "2026-11-20", "2026-11-20", None, None, None],
    "this coming Friday": [*["2026-11-20"] * 4, *["2026-11-27"] * 3],
    "this past Friday": [*["2026-11-13"] * 5, *["2026-11-20"] * 2],
}


@pytest.mark.parametrize(("text", "expected"), DATED)
def test_a_relative_date_is_followed_by_its_absolute_date(text: str, expected: str) -> None:
    assert with_dates(text, SUNDAY) == expected


@pytest.mark.parametrize("text", ALONE)
def test_an_ambiguous_date_is_not_resolved(text: str) -> None:
    assert with_dates(text, SUNDAY) == text


@pytest.mark.parametrize(("day", "text", "meant"), SAID)
def test_a_form_of_speech_is_resolved_only_where_it_has_one_meaning(day: str, text: str, meant: str | None) -> None:
    said_at = datetime.combine(date.fromisoformat(day), time(10), UTC)
    assert [each.date for each in dated(text, said_at)] == ([meant] if meant else [])


@pytest.mark.parametrize(
    ("said_at", "yesterday"),
    [
        ("2025-03-01T20:30:00-08:00", "2025-02-28"),
        ("2025-03-02T00:30:00+14:00", "2025-03-01"),
        ("2025-03-01T23:30:00-12:00", "2025-02-28"),
        ("2025-03-02T00:10:00+05:45", "2025-03-01"),
        ("2025-03-01T23:50:00-03:30", "2025-02-28"),
        ("2025-03-01T23:50:00Z", "2025-02-28"),
    ],
)
def test_days_are_those_of_the_speakers_zone(said_at: str, yesterday: str) -> None:
    assert with_dates("yesterday", datetime.fromisoformat(said_at)) == f"yesterday ({yesterday})"


@pytest.mark.parametrize("phrase", FRIDAYS)
@pytest.mark.parametrize("weekday", range(7))
def test_a_weekday_is_resolved_only_if_unambiguous(phrase: str, weekday: int) -> None:
    said_at = datetime.combine(date(2026, 11, 16) + timedelta(weekday), time(10), UTC)
    meant = FRIDAYS[phrase][weekday]
    assert with_dates(phrase, said_at) == (f"{phrase} ({meant})" if meant else phrase)


@pytest.mark.parametrize(
    ("day", "phrase", "expected"),
    [
        (date(2026, 3, 31), "last month", "2026-02"),
        (date(2026, 1, 31), "next month", "2026-02"),
        (date(2028, 2, 29), "last year", "2027"),
        (date(2026, 12, 31), "tomorrow", "2027-01-01"),
        (date(2027, 1, 1), "last week", "week of 2026-12-21"),
    ],
)
def test_month_and_year_boundaries_are_handled(day: date, phrase: str, expected: str) -> None:
    assert with_dates(phrase, datetime.combine(day, time(23, 59), UTC)) == f"{phrase} ({expected})"


def test_dates_of_a_quotation_are_listed_once_in_a_note() -> None:
    text = "I ran yesterday, and yesterday was last month"
    assert note_of_dates(text, SUNDAY) == " (yesterday: 2026-11-21; last month: 2026-10)"
    assert note_of_dates("I ran", SUNDAY) == ""
