"""Make messages of the turns of an exported conversation, for uploads and imports. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omoide.core import config_merge
from omoide.core.records import Json, NewMessage
from omoide.text_extraction import extractor
from omoide.text_extraction.chats.turn import ASSISTANT

MESSAGE_CHARACTERS = 25_000
"""Maximum length of a message made from a file."""

MUTED: Json = {"reasoning": {"enabled": False}}
"""The configuration of messages of which nothing is concluded."""


def spoken_messages(
    described: NewMessage, pieces: Sequence[extractor.Piece], speakers: Mapping[str, str]
) -> list[NewMessage]:
    """The messages of a file, as `described`; of a conversation, each by its speaker's peer and at its time.

    Nothing is concluded from what a program said to the uploader. A message without a time has that before it, or else
    the first one after it.
    """
    time = described.created_at, described.utc_offset
    if described.created_at is None:
        known = ((turn.said_at, turn.utc_offset) for _, turn in pieces if turn is not None and turn.said_at is not None)
        time = next(known, time)
    made = []
    for text, turn in pieces:
        author, configuration = described.peer_id, described.configuration
        if turn is not None:
            author = speakers[turn.speaker]
            time = (turn.said_at, turn.utc_offset) if turn.said_at is not None else time
            is_assistant = turn.is_program or (turn.is_role and turn.speaker == ASSISTANT)
            if is_assistant and author != described.peer_id:
                configuration = config_merge.merge_config(configuration or {}, MUTED)
        made.append(NewMessage(author, text, described.metadata, 0, time[0], configuration, time[1]))
    return made
