"""A short direct answer before the quotation, where the quoted statement says it: when, how long ago, how many, yes or
no. English only; none rather than a wrong one. Pure.

A date is worked out only from the one sentence of the statement that has the question's words, a number is quoted with
its noun, and yes and no are told only where the statement is the question with the same verb and object.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from omoide.core.clock import from_micros, local
from omoide.reasoner.extractive.candidates import CandidateStatement
from omoide.reasoner.extractive.dates import Dated, dated
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.sentences import sentences
from omoide.reasoner.extractive.slots import is_doubtful
from omoide.reasoner.extractive.terms import base_forms, bases, content_words, folded, words

DAYS_OF_A_MONTH, DAYS_OF_A_YEAR = 30.44, 365.25

_WHEN = re.compile(r"^(?:and |so )?(?:when|(?:on |in )?(?:what|which) (?:day|date|month|year|weekend))\b(?!.* or )")
_HOW_LONG_AGO = re.compile(r"^(?:and |so )?how long ago\b")
_HOW_MANY = re.compile(
    r"^(?:and |so )?how many (?P<noun>[a-z]+(?: [a-z]+)?) (?=(?:do|does|did|has|have|had|is|are|was|were)\b)"
)
_TALLIED = re.compile(
    r"\b(?:still|left|remain\w*|now|nowadays|currently|today|these days|anymore|any more|so far|yet|already|by now"
    r"|altogether|in all|in total)\b"
)
"""A number that changes as things come and go: one statement does not tell it."""
_WHETHER = re.compile(r"^(?P<auxiliary>do|does|did|is|are|was|were) (?P<rest>.+)$")
_NOTED = re.compile(r"\((?P<date>(?:week of |weekend of |around )?\d{4}(?:-\d\d){0,2})\)")
_DATE = re.compile(r"(?P<prefix>week of |weekend of |around )?(?P<year>\d{4})(?:-(?P<month>\d\d))?(?:-(?P<day>\d\d))?")
_NUMBER = (
    r"(?:\d[\d,.]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|a hundred|a thousand|a dozen)"
    r"(?:[- ](?:one|two|three|four|five|six|seven|eight|nine|hundred|thousand))*"
)
_COUNTED = re.compile(rf"(?<![\w-])(?P<number>{_NUMBER}) (?P<nouns>[a-z]+(?: [a-z]+)?)", re.IGNORECASE)
_VAGUE = re.compile(
    r"\b(?:about|around|almost|nearly|over|under|than|least|most|or|if|maybe|perhaps|would|could|should|might|want\w*"
    r"|plan\w*|used to|not|no|never|another|other|more|need\w*|wish\w*|hope\w*|will)\b|(?:n't|'d|'ll)\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"^(?:does not|doesn't|is not|isn't|did not|didn't|no longer|never|was not|wasn't) ")
_ADVERBS = re.compile(r"^(?:also|now|currently|still|really|always|often|usually|sometimes) ")
_OF_TIME = frozenset({"ago", "day", "date", "month", "year", "weekend", "time"})
_BE = frozenset({"is", "are", "was", "were"})


def lead(asked: ParsedQuestion, statement: CandidateStatement, now: int) -> str | None:
    """Return the direct answer that the statement gives to the question, as a sentence. `now` in microseconds."""
    plain = " ".join(folded(asked.text).split()).rstrip(" ?.!")
    if statement.is_past or statement.asks or asked.asks_past:
        return None
    if _HOW_LONG_AGO.match(plain):
        return _ago(_event_date(asked, statement), now)
    if _WHEN.match(plain):
        return _on(_event_date(asked, statement))
    if match := _HOW_MANY.match(plain):
        return None if _TALLIED.search(plain) else _count(match["noun"], statement)
    if match := _WHETHER.match(plain):
        return _whether(asked, match["auxiliary"], match["rest"], statement)
    return None


def _event_date(asked: ParsedQuestion, statement: CandidateStatement) -> str | None:
    """Return the only date of the only sentence that has words of the question and a date."""
    terms = [bases(term) for term in asked.terms if term not in _OF_TIME]
    if not terms:
        return None
    found: set[str] = set()
    for sentence in sentences(statement.text):
        dates = _dates(sentence, statement)
        forms = base_forms(sentence)
        if dates and all(not forms.isdisjoint(term) for term in terms):
            found.update(dates)
    return found.pop() if len(found) == 1 else None


def _dates(sentence: str, statement: CandidateStatement) -> list[str]:
    if statement.source != "turn":
        return [match["date"] for match in _NOTED.finditer(sentence)]
    said_at: datetime = local(statement.said_at, statement.utc_offset)
    resolved: list[Dated] = dated(sentence, said_at)
    return [each.date for each in resolved]


def _on(noted: str | None) -> str | None:
    match = _DATE.fullmatch(noted or "")
    if match is None:
        return None
    preposition = {"week of ": "In the week of", "weekend of ": "On the weekend of", "around ": "Around"}
    default = "On" if match["day"] else "In"
    return f"{preposition.get(match['prefix'] or '', default)} {_spelled(match)}."


def _spelled(match: re.Match[str]) -> str:
    if not match["month"]:
        return match["year"]
    day = date(int(match["year"]), int(match["month"]), int(match["day"] or 1))
    return f"{day.day} {day:%B %Y}" if match["day"] else f"{day:%B %Y}"


def _ago(noted: str | None, now: int) -> str | None:
    match = _DATE.fullmatch(noted or "")
    told = _on(noted)
    if match is None or told is None or not match["month"]:
        return told
    then = datetime(int(match["year"]), int(match["month"]), int(match["day"] or 15), tzinfo=UTC)
    days = (from_micros(now) - then).days
    return (
        told
        if days < 0
        else f"{_length(days, is_exact=bool(match['day']) and not match['prefix'])} ago, {told[0].lower()}{told[1:]}"
    )


def _length(days: int, *, is_exact: bool) -> str:
    for unit, size in (("year", DAYS_OF_A_YEAR), ("month", DAYS_OF_A_MONTH)):
        if days >= 2 * size:
            return f"About {round(days / size)} {unit}s"
    return f"{'' if is_exact else 'About '}{days} day{'' if days == 1 else 's'}"


def _count(noun: str, statement: CandidateStatement) -> str | None:
    """Return a number with the noun, as it is said: "Two bowls." """
    head = bases(noun.rsplit(maxsplit=1)[-1])
    found: set[str] = set()
    for sentence in sentences(statement.text):
        for match in _COUNTED.finditer(sentence):
            following = match["nouns"].split()
            at = next((at for at, word in enumerate(following) if bases(folded(word)) & head), None)
            if at is None:
                continue
            if _VAGUE.search(sentence):
                return None
            found.add(" ".join([match["number"], *following[: at + 1]]))
    if len(found) != 1:
        return None
    number = found.pop()
    return f"{number[0].upper()}{number[1:]}."


def _whether(asked: ParsedQuestion, auxiliary: str, rest: str, statement: CandidateStatement) -> str | None:
    """Return yes or no if the statement restates the question: the peer, the verb and its object, in this order."""
    subject = _subject(asked, rest)
    if subject is None or re.search(r"\b(?:or|not|never|ever|any|still|yet)\b|n't\b|, ", subject):
        return None
    said = words(subject)
    restated = [each for each in statement.told() if not is_doubtful(each, statement.peer_id)]
    answers = {_agrees(auxiliary, said, each, statement.peer_id) for each in restated} - {None}
    return answers.pop() if len(answers) == 1 else None


def _subject(asked: ParsedQuestion, rest: str) -> str | None:
    """Return what follows the peer in the question; None if the question is not about the peer itself."""
    names = [*sorted({*map(folded, asked.about), *asked.about_names}, key=len, reverse=True), "i", "the user"]
    for name in names:
        if rest.startswith(f"{name} "):
            return rest[len(name) + 1 :]
    return None


def _agrees(auxiliary: str, said: list[str], restated: str, peer_id: str) -> str | None:
    start = f"{peer_id} ".casefold()
    if not restated.casefold().startswith(start) or not said:
        return None
    predicate = folded(restated[len(start) :])
    is_negated = _NEGATED.match(predicate) is not None
    if is_negated and auxiliary in _BE and not predicate.startswith(("is ", "was ", "no longer ")):
        return None
    predicate = _ADVERBS.sub("", _NEGATED.sub("", predicate))
    told = words(predicate)
    if auxiliary in _BE and not is_negated:
        if told[:1] not in (["is"], ["was"]):
            return None
        told = told[1:]
    if not told or (auxiliary in {"was", "were", "did"}) != (not _is_present(restated, peer_id)):
        return None
    if not bases(said[0]) & bases(told[0]):
        return None
    at = 0
    for word in content_words(" ".join(said[1:])):
        following = [number for number, other in enumerate(told) if number > at and bases(word) & bases(other)]
        if not following:
            return None
        at = following[0]
    return "No." if is_negated else "Yes."


def _is_present(restated: str, peer_id: str) -> bool:
    """Whether the verb is in the present: "alice drinks", "alice does not", "alice is"."""
    first = words(restated[len(peer_id) :])[:1]
    return bool(first) and (first[0] in {"does", "is", "no"} or (first[0].endswith("s") and first[0] != "was"))
