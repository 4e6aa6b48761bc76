"""Instants and ids: what the outside world hands us when something is new.

Instants are stored as microseconds since 1970 in UTC, which keep order as integers. Ids have 21 characters of
`A-Za-z0-9_-`, seven of them from the clock, so that ids made one after another stand together in an index.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from binascii import b2a_base64
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALPHABET = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"  # in ASCII order
ID_LENGTH = 21
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SORTED = bytes.maketrans(_BASE64, ALPHABET.encode())
_CLOCK_LENGTH = 7  # 42 bits of milliseconds: until 2109
_RANDOM_BITS = 6 * (ID_LENGTH - _CLOCK_LENGTH)
LAST_OF_IDS = (1 << 6 * _CLOCK_LENGTH) * 1_000 - 1
"""The last instant, in microseconds since 1970, that an id can say: in the year 2109."""


def now() -> int:
    """This instant, in microseconds since 1970."""
    return time.time_ns() // 1_000


def micros(instant: datetime) -> int:
    """An instant in microseconds since 1970; a naive one is taken as UTC."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant(microseconds: int) -> datetime:
    """The inverse of `micros`, in UTC."""
    return EPOCH + timedelta(microseconds=microseconds)


def new_id(at: int) -> str:
    """A fresh id for something made at `at` (microseconds since 1970). 84 of its bits are random."""
    return _spelled(((at // 1_000) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS))


def new_ids(at: int, count: int) -> list[str]:
    """As many as `new_id` would make one after another; all their random bits are drawn at once."""
    if count == 1:
        return [new_id(at)]
    clock = _spelled((at // 1_000) << _RANDOM_BITS)[:_CLOCK_LENGTH]
    length = ID_LENGTH - _CLOCK_LENGTH
    drawn = b2a_base64(secrets.token_bytes(count * length * 3 // 4 + 1)).translate(_SORTED).decode()
    return [clock + drawn[start : start + length] for start in range(0, count * length, length)]


def derived_id(origin: str, salt: str) -> str:
    """The id of what is made from `origin` once for each salt: always the same, and next to the origin's in order."""
    digest = hashlib.blake2b(f"{salt} {origin}".encode(), digest_size=_RANDOM_BITS // 8 + 1).digest()
    return origin[:_CLOCK_LENGTH] + _spelled(int.from_bytes(digest) % (1 << _RANDOM_BITS))[_CLOCK_LENGTH:]


def _spelled(number: int) -> str:
    """A number of 126 bits to the base of 64."""
    # Shifted to fill 16 bytes: base64 of them, in an alphabet whose order is that of the numbers.
    return b2a_base64((number << 2).to_bytes(16, "big"))[:ID_LENGTH].translate(_SORTED).decode()


def made_at(id: str) -> int:
    """When `new_id` made an id, in whole milliseconds since 1970."""
    number = 0
    for character in id[:_CLOCK_LENGTH]:
        number = number * 64 + ALPHABET.index(character)
    return number
