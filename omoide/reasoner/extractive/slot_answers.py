"""Answer a question for a slot from statements: the newest value of a single slot, all values of others. Pure.

Values that newer ones replaced answer questions about the past only. Each answer is an unmodified statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omoide.core.clock import from_micros
from omoide.reasoner.extractive.candidates import NEVER, CandidateStatement, Source, last_question
from omoide.reasoner.extractive.questions import ParsedQuestion, parse_question
from omoide.reasoner.extractive.slot_kinds import UNCHANGING
from omoide.reasoner.extractive.slots import Slot, agree, comparable
from omoide.reasoner.extractive.terms import SAME

# Preference among statements of the same time, ascending.
_TRUSTED: tuple[Source, ...] = ("card", "concluded", "turn", "said")


class FilledSlot(NamedTuple):
    """A slot, and the statement that fills it or, if `holds` is false, ends it."""

    slot: Slot
    statement: CandidateStatement
    holds: bool = True


class AnswerStatement(NamedTuple):
    """A statement of an answer. `is_past`: a newer one replaced it; `is_reply`: to be quoted with its question."""

    statement: CandidateStatement
    is_past: bool = False
    is_reply: bool = False


def read(candidates: Iterable[CandidateStatement], about: Sequence[str]) -> list[FilledSlot]:
    """Return all slots of the peers in `about`, or of all peers if it is empty, newest first."""
    slots = []
    for each in candidates:
        if about and each.peer_id not in about:
            continue
        slots += [FilledSlot(slot, each) for slot in each.filled()]
        slots += [FilledSlot(slot, each, holds=False) for slot in each.emptied()]
    return sorted(slots, key=_age, reverse=True)


def answers(
    asked: ParsedQuestion, filled: Sequence[FilledSlot], candidates: Sequence[CandidateStatement]
) -> list[list[AnswerStatement]]:
    """Return the statements that answer each clause that asks for a slot; empty for an unanswered clause.

    If no statement fills the slot, the newest reply to the same question is used.
    """
    return [_clause(asked, kinds, filled) or _replies(asked, kinds, candidates) for kinds in asked.kinds]


def outdated(filled: Sequence[FilledSlot]) -> list[CandidateStatement]:
    """Return the statements whose slots no longer hold."""
    held = {id(each.statement) for each in _held(filled)}
    return [each.statement for each in filled if id(each.statement) not in held]


def fits(kind: str, wanted: str) -> bool:
    """Whether a slot's kind equals the wanted one or, if that ends with a colon, starts with it."""
    return kind.startswith(wanted) if wanted.endswith(":") else _same(kind) == _same(wanted)


def _same(kind: str) -> str:
    before, colon, what = kind.rpartition(":")
    return f"{before}{colon}{SAME.get(what, what)}"


def values(kinds: Sequence[str], filled: Sequence[FilledSlot]) -> list[FilledSlot]:
    """Return the slots of these kinds that currently hold, newest first."""
    return [each for each in _held(filled) if any(fits(each.slot.kind, kind) for kind in kinds)]


def _held(filled: Sequence[FilledSlot]) -> list[FilledSlot]:
    """Return the newest slot per subject and slot key, except ended ones."""
    held: dict[tuple[str, ...], FilledSlot] = {}
    for each in filled:
        key = (each.slot.subject, *each.slot.place)
        known = held.setdefault(key, each)
        # The end of one value does not end a different one.
        if known is not each and not known.holds and each.holds and not agree(known.slot, each.slot):
            held[key] = each
    return [each for each in held.values() if each.holds]


def _replies(
    asked: ParsedQuestion, kinds: Sequence[str], candidates: Sequence[CandidateStatement]
) -> list[AnswerStatement]:
    replies = [
        each
        for each in candidates
        if each.prompt
        and not each.asks
        and each.peer_id in asked.about
        and tuple(kinds) in parse_question(last_question(each.prompt), [each.peer_id], None, each.peer_id).kinds
    ]
    newest = sorted(replies, key=lambda each: (each.said_at, each.serial), reverse=True)
    return [AnswerStatement(each, is_reply=True) for each in newest[:1]]


def _clause(asked: ParsedQuestion, kinds: Sequence[str], filled: Sequence[FilledSlot]) -> list[AnswerStatement]:
    for kind in kinds:
        of_kind = [each for each in filled if fits(each.slot.kind, kind)]
        if asked.asks_past:
            if past := _past(asked, of_kind):
                return _once(past)
        elif of_kind and all(each.slot.single for each in of_kind):
            subjects = dict.fromkeys(each.slot.subject for each in of_kind)
            return _once(
                answer
                for subject in subjects
                for answer in _single([each for each in of_kind if each.slot.subject == subject])
            )
        elif held := values(kinds, filled):
            return _once(AnswerStatement(each.statement) for each in _in_order(held, kinds))
        elif of_kind:
            return _once(AnswerStatement(each.statement) for each in of_kind if not each.holds)
    return []


def _single(filled: Sequence[FilledSlot]) -> list[AnswerStatement]:
    """Return the newest value, and the latest other one if one of them must be wrong: two birthplaces."""
    newest = filled[0]
    others = [
        each
        for each in filled[1:]
        if each.statement.said_at != NEVER
        and each.holds
        and each.slot.kind in UNCHANGING
        and comparable(newest.slot, each.slot)
        and not agree(newest.slot, each.slot)
    ]
    return [AnswerStatement(each.statement) for each in (newest, *others[:1])]


def _past(asked: ParsedQuestion, filled: Sequence[FilledSlot]) -> list[AnswerStatement]:
    """Return the values that no longer hold, the last one first; those of the years that the question names, if it
    names any. A question for all that there was gets the current value as well, first."""
    now = {each.slot.place: each for each in reversed(filled) if not each.statement.is_past}
    current = [each for each in now.values() if each.holds]
    over = _different(each for each in filled if each.holds and _is_over(each, now.get(each.slot.place)))
    if asked.years:
        in_years = [each for each in (*over, *current) if _held_in(each.statement, asked.years)]
        over, current = [each for each in in_years if each in over], [each for each in in_years if each in current]
        return [AnswerStatement(each.statement, each in over) for each in (over or current)]
    shown = current if asked.asks_all_times and over else []
    return [AnswerStatement(each.statement, each in over) for each in (*shown, *over)]


def _different(filled: Iterable[FilledSlot]) -> list[FilledSlot]:
    """Return the newest slot of each value."""
    kept: list[FilledSlot] = []
    for each in filled:
        if not any(agree(each.slot, other.slot) for other in kept):
            kept.append(each)
    return kept


def _is_over(filled: FilledSlot, now: FilledSlot | None) -> bool:
    """Whether the value was superseded, or differs from the one that holds now, or has ended."""
    if now is None:
        return filled.statement.is_past
    if filled is now or filled.statement.said_at == NEVER:
        return False
    differs = not agree(filled.slot, now.slot) and comparable(filled.slot, now.slot)
    return differs or (filled.statement.is_past and not now.holds) or not now.holds


def _held_in(statement: CandidateStatement, years: Sequence[int]) -> bool:
    start = None if statement.valid_from is None else from_micros(statement.valid_from).year
    end = None if statement.valid_until is None else from_micros(statement.valid_until - 1).year
    return any((start is None or start <= year) and (end is None or year <= end) for year in years)


def _in_order(held: Sequence[FilledSlot], kinds: Sequence[str]) -> list[FilledSlot]:
    """Sort by kind; stable, so the newest come first within a kind."""
    return sorted(held, key=lambda each: next(at for at, kind in enumerate(kinds) if fits(each.slot.kind, kind)))


def _once(entries: Iterable[AnswerStatement]) -> list[AnswerStatement]:
    return list({(each.statement.peer_id, each.statement.text): each for each in entries}.values())


def _age(filled: FilledSlot) -> tuple[object, ...]:
    statement = filled.statement
    return statement.said_at, _TRUSTED.index(statement.source), statement.serial
