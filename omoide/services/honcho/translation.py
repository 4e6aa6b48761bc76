"""Make records of what a Honcho server answers, within the limits that hold here. Pure.

Ids are kept where they are valid. What cannot be kept as it is, is changed or left out, and counted in the report.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from omoide.core import clock, config_merge, identifiers
from omoide.core.errors import OmoideError
from omoide.core.json_limits import MAX_KEYS, cleaned, validate_metadata
from omoide.core.records import Json, NewMessage, Observation
from omoide.core.surrogates import repaired_json, repaired_text
from omoide.services.honcho.report import ImportReport
from omoide.services.spoken_messages import MESSAGE_CHARACTERS
from omoide.storage import imported_messages
from omoide.storage.imported_conclusions import LEVELS, ImportedConclusion
from omoide.text_extraction import extractor
from omoide.text_extraction.chats import speakers

SOURCE = "honcho"
SOURCE_ID = "source_id"
"""The entry of a peer's or session's metadata with its id there, if that is not valid here."""

_SLUG_CHARACTERS = 80
_CONCLUSION_CHARACTERS = 65_535
_ADDED_KEYS = 3
"""Entries that the metadata of an imported message gets at most."""


@dataclass(slots=True)
class Translation:
    """Translates for one workspace. `most_bytes` limits metadata and configuration, `salt` makes ids of conclusions
    that are the same each time."""

    report: ImportReport
    most_bytes: int
    salt: str = ""
    conclusion_ids: dict[str, str] = field(default_factory=dict)
    """Id there → id here, of the conclusions read so far."""

    def id(self, kind: str, source: str) -> str:
        """The id here of a peer, session or workspace (`kind`)."""
        try:
            identifiers.check_id(kind, source)
        except OmoideError:
            digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            made = f"{speakers.peer_id(source)[:_SLUG_CHARACTERS]}-{digest}"
            self.report.renamed[kind, source] = made
            return made
        return source

    def metadata(self, kind: str, item: Json, *, room: int = 1) -> Json:
        """The metadata of a thing; its entries beyond the limit, or all of them if they are not valid, are left out."""
        given = item.get("metadata")
        if not isinstance(given, dict) or not given:
            return {}
        if len(given) > MAX_KEYS - room:
            self.report.left_out[f"{kind} metadata beyond {MAX_KEYS - room} entries"] += 1
            given = dict([*given.items()][: MAX_KEYS - room])
        try:
            return validate_metadata(repaired_json(given), ("metadata",), most=self.most_bytes)
        except OmoideError:
            self.report.left_out[f"{kind} metadata that is too large or too deep"] += 1
            return {}

    def configuration(self, kind: str, item: Json) -> Json:
        """The configuration of a workspace or session; entries of the wrong type are left out."""
        given = item.get("configuration")
        if not isinstance(given, dict) or not given:
            return {}
        kept = {key: each for key, each in given.items() if key not in config_merge.SECTIONS or isinstance(each, dict)}
        try:
            found = cleaned(repaired_json(kept), ("configuration",), most=self.most_bytes, what="Configuration")
            return config_merge.merge_config({}, found)
        except (OmoideError, TypeError):
            self.report.left_out[f"{kind} configuration that is not valid here"] += 1
            return {}

    def peer_configuration(self, item: Json) -> Json:
        """As `configuration`, of a peer: only whether it is observed has a type."""
        found = self.configuration("peer", item)
        if not isinstance(found.get("observe_me", True), bool):
            self.report.left_out["peer configuration that is not valid here"] += 1
            del found["observe_me"]
        return found

    def messages(self, item: Json) -> list[NewMessage]:
        """A message, in several if it is longer than one may be here; none if it is none."""
        id, content, author = item.get("id"), item.get("content"), item.get("peer_id")
        if not (isinstance(id, str) and isinstance(content, str) and isinstance(author, str)):
            self.report.left_out["message without an id, an author or a text"] += 1
            return []
        if identifiers.is_scope_peer(author):
            self.report.left_out["message of a scope"] += 1
            return []
        peer_id, metadata = self.id("Peer", author), self.metadata("message", item, room=_ADDED_KEYS)
        if (own := metadata.pop(imported_messages.KEY, None)) is not None:
            metadata[f"{imported_messages.KEY}_before"] = own
        parts = extractor.split(repaired_text(content.replace("\x00", "")), MESSAGE_CHARACTERS)
        if len(parts) > 1:
            self.report.split += 1
        made = []
        for number, part in enumerate(parts, 1):
            key = id if number == 1 else f"{id}#{number}"
            added = {**metadata, "source": metadata.get("source", SOURCE), imported_messages.KEY: key}
            made.append(NewMessage(peer_id, part, added, 0, instant(item.get("created_at"))))
        return made

    def conclusion(self, item: Json, now: int) -> ImportedConclusion | None:
        """A conclusion, without its sources and messages; None if it cannot be kept."""
        id, content, level = item.get("id"), item.get("content"), item.get("level", "explicit")
        observer, observed = item.get("observer_id"), item.get("observed_id")
        text = repaired_text(content.replace("\x00", "")) if isinstance(content, str) else ""
        if not all(isinstance(each, str) and each for each in (id, content, observer, observed)):
            why = "without an id, a text or a peer"
        elif any(identifiers.is_scope_peer(str(each)) for each in (observer, observed)):
            self.report.scoped += 1
            return None
        elif level not in LEVELS:
            why = "of an unknown level"
        elif not 0 < len(text) <= _CONCLUSION_CHARACTERS:
            why = f"longer than {_CONCLUSION_CHARACTERS:,} characters, or empty"
        else:
            return self._conclusion(item, text, now)
        self.report.left_out[f"conclusion {why}"] += 1
        return None

    def _conclusion(self, item: Json, text: str, now: int) -> ImportedConclusion:
        learned = instant(item.get("created_at"))
        created_at = now if learned is None else learned
        id, session, times = item["id"], item.get("session_id"), item.get("times_derived")
        said_at = instant(item.get("said_at"))
        return ImportedConclusion(
            self.conclusion_id(id, created_at),
            id,
            text,
            self.id("Peer", item["observer_id"]),
            self.id("Peer", item["observed_id"]),
            self.id("Session", session) if isinstance(session, str) else None,
            item.get("level", "explicit"),
            times if isinstance(times, int) and times > 0 else 1,
            created_at if said_at is None else said_at,
            created_at,
            instant(item.get("valid_from")),
            instant(item.get("valid_until")),
        )

    def conclusion_id(self, source: str, created_at: int) -> str:
        """The id here of a conclusion: the same one each time, beginning as other ids of its time do."""
        if source not in self.conclusion_ids:
            sorted_by_time = clock.new_id(min(max(created_at, 0), clock.LAST_OF_IDS))
            # Only the part of the clock is kept of an origin.
            self.conclusion_ids[source] = clock.derived_id(sorted_by_time[:7] + source, self.salt)
        return self.conclusion_ids[source]


def observation(item: Json) -> Observation:
    """What a peer observes in a session."""
    me, others = item.get("observe_me"), item.get("observe_others")
    return Observation(me if isinstance(me, bool) else None, others if isinstance(others, bool) else None)


def instant(text: object) -> int | None:
    """A time of an answer in microseconds; None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        return clock.to_micros(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None
