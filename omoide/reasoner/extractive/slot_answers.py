"""Answer a question for a slot from statements: the newest value of a single slot, all values of others. Pure.

If a value has changed, the previous one is returned as well. Each answer is an unmodified statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omoide.reasoner.extractive.candidates import NEVER, CandidateStatement, Source, last_question
from omoide.reasoner.extractive.questions import ParsedQuestion, parse_question
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
        if of_kind and all(each.slot.single for each in of_kind):
            subjects = dict.fromkeys(each.slot.subject for each in of_kind)
            return _once(
                answer
                for subject in subjects
                for answer in _single(asked, [each for each in of_kind if each.slot.subject == subject])
            )
        if held := values(kinds, filled):
            return _once(AnswerStatement(each.statement) for each in _in_order(held, kinds))
        if of_kind:
            return _once(AnswerStatement(each.statement) for each in of_kind if not each.holds)
    return []


def _single(asked: ParsedQuestion, filled: Sequence[FilledSlot]) -> list[AnswerStatement]:
    """Return the newest value and the latest one that it replaced; for the past, all different values, oldest first."""
    different: list[FilledSlot] = []
    for each in filled:
        if not any(agree(each.slot, other.slot) and each.holds == other.holds for other in different):
            different.append(each)
    if asked.asks_past:
        if len(different) == 1 and different[0].holds:  # a current value says nothing about the past
            return []
        return [AnswerStatement(each.statement) for each in reversed(different)]
    newest = different[0]
    replaced = [
        each
        for each in different[1:]
        if each.statement.said_at != NEVER
        and each.holds
        and comparable(newest.slot, each.slot)
        and (newest.holds is False or not agree(newest.slot, each.slot))
    ]
    return [
        AnswerStatement(newest.statement),
        *(AnswerStatement(each.statement, is_past=True) for each in replaced[:1]),
    ]


def _in_order(held: Sequence[FilledSlot], kinds: Sequence[str]) -> list[FilledSlot]:
    """Sort by kind; stable, so the newest come first within a kind."""
    return sorted(held, key=lambda each: next(at for at, kind in enumerate(kinds) if fits(each.slot.kind, kind)))


def _once(entries: Iterable[AnswerStatement]) -> list[AnswerStatement]:
    return list({(each.statement.peer_id, each.statement.text): each for each in entries}.values())


def _age(filled: FilledSlot) -> tuple[object, ...]:
    statement = filled.statement
    return statement.said_at, _TRUSTED.index(statement.source), statement.serial
