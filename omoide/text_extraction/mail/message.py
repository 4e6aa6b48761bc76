"""Parse a mail: who wrote what when, and in answer to which. Malformed headers are read as far as possible."""

from __future__ import annotations

import email
import email.errors
import email.header
import email.utils
import hashlib
import re
from collections.abc import Mapping, Sequence
from email.message import Message
from typing import NamedTuple

from omoide.text_extraction import charsets
from omoide.text_extraction.chats import times
from omoide.text_extraction.mail import body, quotation

_fold = re.compile(r"\r?\n[ \t]")
_ids = re.compile(r"<([^<>\s]+)>").findall
_answer = re.compile(
    r"^(?:\s*(?:re|fwd?|aw|wg|antw|sv|vs|rv|tr|res|enc|回复|转发)(?:\[\d+\])?\s*[:：])+\s*", re.IGNORECASE
)
_BULK = frozenset({"bulk", "list", "junk"})
_UNWANTED = frozenset({"spam", "junk", "trash", "drafts", "draft", "papierkorb", "entwürfe", "corbeille", "brouillons"})
_EXPUNGED = 0x0008
"""The flag of Thunderbird for a message that was deleted from its folder."""


class Mail(NamedTuple):
    id: str
    references: Sequence[str]
    """Ids of the mails before it, oldest first."""
    address: str
    name: str
    subject: str
    said_at: int | None
    utc_offset: int | None
    text: str
    """What the sender wrote."""
    quoted: str
    """The whole text."""
    attachments: int
    is_bulk: bool
    is_unwanted: bool
    """Whether it is spam, a draft, or deleted."""


def parse(data: bytes) -> Mail | None:
    """The mail; None if these bytes are none."""
    message = email.message_from_bytes(data)
    headers = _headers(message)
    if "from" not in headers or not headers.keys() & {"date", "message-id", "to", "subject", "received"}:
        return None
    name, address = email.utils.parseaddr(_first(headers, "from"))
    found = body.body(message)
    said_at, offset = _time(headers) or (None, None)
    subject = _answer.sub("", _words(_first(headers, "subject")))
    return Mail(
        id=next(iter(_ids(_first(headers, "message-id"))), None) or hashlib.sha256(data).hexdigest()[:16],
        references=[*_ids(_first(headers, "references")), *_ids(_first(headers, "in-reply-to"))],
        address=address.strip().lower(),
        name=_person(_words(name)),
        subject=subject,
        said_at=said_at,
        utc_offset=offset,
        text=quotation.spoken(found.text),
        quoted=found.text.strip(),
        attachments=found.attachments,
        is_bulk=_is_bulk(headers),
        is_unwanted=_is_unwanted(headers),
    )


def _headers(message: Message) -> Mapping[str, list[str]]:
    """Name in lower case → unfolded values."""
    found: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        text = str(value)
        if not text.isascii():  # sent as bytes, without an encoding
            text = charsets.decode(text.encode("ascii", "surrogateescape"), None)
        found.setdefault(str(name).lower(), []).append(_fold.sub(" ", text).strip())
    return found


def _first(headers: Mapping[str, list[str]], name: str) -> str:
    return next(iter(headers.get(name, ())), "")


def _words(value: str) -> str:
    """A header with its encoded words (RFC 2047) decoded."""
    if "=?" not in value:
        return value
    try:
        parts = email.header.decode_header(value)
    except (email.errors.HeaderParseError, ValueError):
        return value
    return "".join(_word(each, charset) for each, charset in parts).strip()


def _word(value: str | bytes, charset: str | None) -> str:
    if isinstance(value, str):
        return value
    try:
        return value.decode(charset or "ascii")
    except (LookupError, ValueError):
        return charsets.decode(value, None)


def _person(name: str) -> str:
    """A name in its usual order, without quotation marks; empty for an address."""
    name = name.strip(" '\"")
    if "@" in name:
        return ""
    last, comma, first = name.partition(",")
    is_reversed = comma and first.strip() and "," not in first and len(name.split()) <= 4
    return f"{first.strip()} {last.strip()}" if is_reversed else name


def _time(headers: Mapping[str, list[str]]) -> times.Instant | None:
    received = (value.rpartition(";")[2] for value in headers.get("received", ()))
    for value in (*headers.get("date", ()), *received):
        try:
            return times.from_datetime(email.utils.parsedate_to_datetime(value))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _is_bulk(headers: Mapping[str, list[str]]) -> bool:
    """Whether nobody wrote it to someone: newsletters and automatic mail, but not lists for discussion."""
    if _first(headers, "auto-submitted").partition(";")[0].strip().lower() not in ("", "no"):
        return True
    if "mailto:" in _first(headers, "list-post"):
        return False
    return "list-unsubscribe" in headers or _first(headers, "precedence").lower() in _BULK


def _is_unwanted(headers: Mapping[str, list[str]]) -> bool:
    labels = {each.strip(' "').lower() for each in _words(_first(headers, "x-gmail-labels")).split(",")}
    try:
        flags = int(_first(headers, "x-mozilla-status") or "0", 16)
    except ValueError:
        flags = 0
    is_spam = _first(headers, "x-spam-flag").upper() == "YES"
    return is_spam or bool(flags & _EXPUNGED) or not _UNWANTED.isdisjoint(labels)
