"""Relative dates are resolved at their own precision, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from omoide.reasoner.extractive.dates import note_of_dates, with_dates

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
    "last weekend",
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

# The days of one week, Monday to Sunday, and the meaning of phrases with Friday on each.
FRIDAYS: dict[str, list[str | None]] = {
    "last Friday": ["2026-11-13", "2026-11-13", "2026-11-13", "2026-11-13", "2026-11-13", None, None],
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
