"""Claude Code: store what was said when a turn ends, and give a new session what is known about the user."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from omoide.agent_hooks.memory_client import MemoryClient
from omoide.agent_hooks.transcript import Utterance, read_transcript

ASSISTANT = "assistant"
UUID = "transcript_uuid"
"""The metadata of a stored message that names its line in the transcript."""
PAGE = 100
MOST_IDS = 5_000
"""The most values that a filter is given; the server allows 10,000."""
BATCH_MESSAGES, BATCH_CHARACTERS = 100, 500_000
_TIME = re.compile(r"(?<=^\[\d{4}-\d\d-\d\d) [\d:]+(?=\])")
"""The time of day of a conclusion, which is of no use here."""
_AROUND = re.compile(r"^\[[\d-]+\] | \(\d+ times\)$")
MOST_CONCLUSIONS = 30
MOST_CONTEXT_CHARACTERS = 6_000


def store_turns(client: MemoryClient, given: Mapping[str, object], user: str) -> int:
    """Store what the transcript has and the session has not; returns how many messages that were.

    The server knows which line it got last, so a turn that could not be stored is stored with the next one. Raises
    MemoryUnavailable and OSError.
    """
    path, session = given.get("transcript_path"), session_of(given)
    if not isinstance(path, str) or not path:
        return 0
    utterances = read_transcript(Path(path).expanduser())
    new = utterances[_stored(client, session, utterances) :]
    for batch in _batches(new):
        messages = [
            {
                "peer_id": user if each.is_user else ASSISTANT,
                "content": each.content,
                "created_at": each.created_at,
                "metadata": {UUID: each.id, "agent": "claude-code"},
            }
            for each in batch
        ]
        digest = hashlib.sha256("\n".join(each.id for each in batch).encode()).hexdigest()
        client.post("sessions", session, "messages", body={"messages": messages}, idempotency_key=digest)
    return len(new)


def session_context(client: MemoryClient, given: Mapping[str, object], user: str) -> str | None:
    """What is known about the user, for the start of a session; None if nothing is, or if the session has it already.

    Raises MemoryUnavailable.
    """
    if given.get("source") == "resume":
        return None
    context = client.get("peers", user, "context", max_conclusions=MOST_CONCLUSIONS)
    if not isinstance(context, dict):
        return None
    card = [str(each) for each in context.get("peer_card") or []]
    said = {f"{user} {each.partition(': ')[2] or each}" for each in card}
    lines = str(context.get("representation") or "").splitlines()
    facts = [_TIME.sub("", line) for line in lines if line.strip() and not line.startswith("## ")]
    text = "\n".join([*card, *(each for each in facts if _AROUND.sub("", each) not in said)])
    if not text:
        return None
    if len(text) > MOST_CONTEXT_CHARACTERS:
        text = text[:MOST_CONTEXT_CHARACTERS].rpartition("\n")[0]
    return f"From the memory of earlier sessions, about the user:\n\n{text}"


def session_of(given: Mapping[str, object]) -> str:
    """The id of the session in memory."""
    return f"claude-code-{re.sub(r'[^A-Za-z0-9_-]', '-', str(given.get('session_id') or 'unknown'))[:80]}"


def _stored(client: MemoryClient, session: str, utterances: Sequence[Utterance]) -> int:
    """How many of the utterances, from the first, are in memory: in the session, or in the one that it continues."""
    is_perhaps_a_fork = sum(each.is_user for each in utterances) > 1
    for end in range(len(utterances), 0, -MOST_IDS):
        places = {each.id: place + 1 for place, each in enumerate(utterances[:end]) if place >= end - MOST_IDS}
        filters = {"metadata": {UUID: {"in": [*places]}}}
        listed = client.post(
            "sessions", session, "messages", "list", body={"filters": filters}, reverse="true", size=PAGE
        )
        found = listed["items"] if isinstance(listed, dict) else []
        if not found and is_perhaps_a_fork:
            found = client.post("search", body={"query": "", "limit": PAGE, "filters": filters}) or []
        if found:
            return max(places[each["metadata"][UUID]] for each in found)
    return 0


def _batches(utterances: Sequence[Utterance]) -> Iterator[list[Utterance]]:
    batch: list[Utterance] = []
    for each in utterances:
        size = sum(len(other.content) for other in batch) + len(each.content)
        if batch and (len(batch) == BATCH_MESSAGES or size > BATCH_CHARACTERS):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch
