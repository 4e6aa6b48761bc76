"""What stored messages owe: units of work for whoever learns from them, and summaries at their intervals.

Called inside the transaction that stores the messages, so that no message is ever without its work. Configuration and
observers are as they are now; later changes do not reach what is already owed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omoide.jobs import REPRESENTATION, SUMMARY
from omoide.reasoning import configuration
from omoide.reasoning.configuration import Defaults, Resolved, defaults_of
from omoide.reasoning.observers import Membership, observers_of, peer_flag
from omoide.reasoning.units import Pace, Unit
from omoide.records import Json, NewMessage
from omoide.settings import Settings
from omoide.store import Connection, messages, observing, queue
from omoide.store.messages import Appended

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's part in what is owed."""

    defaults: Defaults
    pace: Pace


def rules_of(settings: Settings) -> Rules:
    pace = Pace(
        tokens=settings.unit_tokens,
        quiet=int(settings.quiet_seconds * SECOND),
        patience=int(settings.unit_patience_seconds * SECOND),
    )
    return Rules(defaults_of(settings), pace)


def owe(db: Connection, appended: Appended, batch: Sequence[NewMessage], now: int, rules: Rules) -> None:
    """Owe what the batch, just appended, calls for."""
    workspace, session = observing.configurations(db, appended.session)
    general = configuration.resolve(workspace, session, None, rules.defaults)
    members = _members(db, appended)
    muted: list[int] = []
    units: dict[str, list[tuple[Unit, int]]] = {}
    for seq, message in enumerate(batch, appended.first):
        resolved = general
        if message.configuration:
            resolved = configuration.resolve(workspace, session, message.configuration, rules.defaults)
        unit = _unit(appended, members, message, seq, resolved)
        if unit is None:
            muted.append(seq)
        else:
            _collect(units.setdefault(unit.key, []), unit)
    messages.mute(db, appended.session, muted)
    for collected in units.values():
        _store(db, appended.workspace, collected, now, rules.pace)
    if general.summary_enabled:
        _owe_summaries(db, appended, len(batch), general, now)


def _members(db: Connection, appended: Appended) -> dict[str, Membership]:
    """Peer id → membership of the authors and of everybody who observes others."""
    found = observing.members(db, appended.session, appended.authors.values())
    return {
        id: Membership(
            id,
            pk,
            None if me is None else bool(me),
            peer_flag(peer),
            None if others is None else bool(others),
            there,
            kind == "scope",
        )
        for pk, id, kind, peer, me, others, there in found
    }


def _unit(
    appended: Appended, members: dict[str, Membership], message: NewMessage, seq: int, resolved: Resolved
) -> Unit | None:
    """The message as a unit of its own; None if nobody is to learn from it."""
    if not resolved.reasoning_enabled:
        return None
    sender = members[message.peer_id]
    observers = observers_of(sender, [*members.values()])
    if not observers:
        return None
    return Unit(
        appended.session_id,
        appended.session,
        sender.peer_id,
        sender.peer_pk,
        [observer.peer_id for observer in observers],
        [observer.peer_pk for observer in observers],
        configuration.as_json(resolved),
        seq,
        seq,
        message.token_count,
    )


def _collect(units: list[tuple[Unit, int]], unit: Unit) -> None:
    """Add a unit to the last of those in the list, or behind it; with each, how many messages it holds."""
    if units and (joined := units[-1][0].with_more(unit)):
        units[-1] = joined, units[-1][1] + 1
    else:
        units.append((unit, 1))


def _store(db: Connection, workspace: int, units: list[tuple[Unit, int]], now: int, pace: Pace) -> None:
    """Owe the units of one peer in one session, the first of them together with what grows already."""
    key = units[0][0].key
    if found := queue.growing(db, REPRESENTATION, key):
        pk, payload, begun_at = found
        joined = Unit.from_payload(payload).with_more(units[0][0])
        if joined:
            queue.extend(db, pk, joined.payload(), pace.due_at(joined, begun_at, now), units=units[0][1])
            units = units[1:]
    for unit, count in units:
        # What is owed under other conditions cannot grow any more, so it has nothing to wait for.
        queue.hasten(db, REPRESENTATION, key, now)
        queue.add(
            db,
            REPRESENTATION,
            unit.payload(),
            now,
            key=key,
            workspace=workspace,
            coalesce=False,
            due_at=pace.due_at(unit, now, now),
            units=count,
            grows=True,
        )


def _owe_summaries(db: Connection, appended: Appended, count: int, resolved: Resolved, now: int) -> None:
    short, long = resolved.messages_per_short_summary, resolved.messages_per_long_summary
    for seq in range(appended.first, appended.first + count):
        kinds = [kind for kind, every in (("short", short), ("long", long)) if seq % every == 0]
        if kinds:
            payload: Json = {
                "session": appended.session_id,
                "session_pk": appended.session,
                "through": seq,
                "kinds": kinds,
                "instructions": resolved.summary_instructions,
            }
            key = str(appended.session)
            queue.add(db, SUMMARY, payload, now, key=key, workspace=appended.workspace, coalesce=False)
