"""The clock and id generation.

Instants are microseconds since 1970 in UTC, as integers, in records and in storage alike. A datetime exists only at the
edges, where a request is parsed or a response or text is written: `to_micros` and `from_micros` are the only
conversions. Three things differ by nature: keys hold seconds (`exp`), metrics count seconds as Prometheus does, and
`dates` of the extractive reasoner computes with calendar days.

Ids have 21 characters of `A-Za-z0-9_-`, the first
seven from the clock, so that ids created in sequence are adjacent in an index.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from binascii import b2a_base64
from datetime import UTC, datetime, timedelta, timezone, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
ALPHABET = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"  # in ASCII order
ID_LENGTH = 21
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SORTED = bytes.maketrans(_BASE64, ALPHABET.encode())
_CLOCK_LENGTH = 7  # 42 bits of milliseconds: until 2109
_RANDOM_BITS = 6 * (ID_LENGTH - _CLOCK_LENGTH)
LAST_OF_IDS = (1 << 6 * _CLOCK_LENGTH) * 1_000 - 1
"""The last instant that an id can encode, in microseconds since 1970: in the year 2109."""


SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""In microseconds, as everything else here."""


def now() -> int:
    """The current time in microseconds since 1970."""
    return time.time_ns() // 1_000


def to_micros(moment: datetime) -> int:
    """Convert to microseconds since 1970; a naive datetime is taken as UTC."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (aware - EPOCH) // _MICROSECOND


def from_micros(microseconds: int) -> datetime:
    """The inverse of `to_micros`, in UTC."""
    return EPOCH + microseconds * _MICROSECOND  # a quarter faster than a timedelta made of them


def utc_offset(moment: datetime) -> int | None:
    """The offset of a datetime in minutes east of UTC; None for a naive one."""
    offset = moment.utcoffset()
    return None if offset is None else offset // timedelta(minutes=1)


def zone(utc_offset: int | None) -> tzinfo:
    """The zone at an offset in minutes east of UTC; UTC for None, and for an offset of a day or more."""
    return timezone(timedelta(minutes=utc_offset)) if utc_offset and abs(utc_offset) < 1_440 else UTC


def local(microseconds: int, utc_offset: int | None) -> datetime:
    """As `from_micros`, at an offset in minutes east of UTC. In UTC if it is None, or leads beyond a datetime."""
    moment = from_micros(microseconds)
    if not utc_offset:
        return moment
    try:
        return moment.astimezone(zone(utc_offset))
    except OverflowError:
        return moment


def day(microseconds: int, utc_offset: int | None = None) -> str:
    """The instant's day at an offset as in `local`, as 2026-11-30."""
    return f"{local(microseconds, utc_offset):%Y-%m-%d}"


def to_second(microseconds: int) -> str:
    """The instant to the second in UTC, as 2026-11-30T12:00:00Z."""
    return f"{from_micros(microseconds):%Y-%m-%dT%H:%M:%SZ}"


FIRST, LAST = (to_micros(end.replace(tzinfo=UTC)) for end in (datetime.min, datetime.max))
"""The first and the last instant that a datetime can hold: the years 1 to 9999."""


def valid(microseconds: int) -> int:
    """Return the instant. Raises OverflowError if no datetime can hold it."""
    if not FIRST <= microseconds <= LAST:
        raise OverflowError("not in the years 1 to 9999")
    return microseconds


def new_id(at: int) -> str:
    """A new id for an object created at `at` (microseconds since 1970), with 84 random bits."""
    return _spelled(((at // 1_000) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS))


def new_ids(at: int, count: int) -> list[str]:
    """`count` ids as `new_id` makes them, with one call for all random bits."""
    if count == 1:
        return [new_id(at)]
    clock = _spelled((at // 1_000) << _RANDOM_BITS)[:_CLOCK_LENGTH]
    length = ID_LENGTH - _CLOCK_LENGTH
    drawn = b2a_base64(secrets.token_bytes(count * length * 3 // 4 + 1)).translate(_SORTED).decode()
    return [clock + drawn[start : start + length] for start in range(0, count * length, length)]


def derived_id(origin: str, salt: str) -> str:
    """A deterministic id for the object derived from `origin` with this salt; it sorts next to the origin's id."""
    digest = hashlib.blake2b(f"{salt} {origin}".encode(), digest_size=_RANDOM_BITS // 8 + 1).digest()
    return origin[:_CLOCK_LENGTH] + _spelled(int.from_bytes(digest) % (1 << _RANDOM_BITS))[_CLOCK_LENGTH:]


def _spelled(number: int) -> str:
    """A 126-bit number in base 64, with an alphabet that preserves order."""
    # Shifted by two bits to fill 16 bytes.
    return b2a_base64((number << 2).to_bytes(16, "big"))[:ID_LENGTH].translate(_SORTED).decode()


def after_ids(at: int) -> str:
    """A text that sorts after every id created by `at`, and before all later ones. To the millisecond."""
    if at < 0:
        return ""
    if at > LAST_OF_IDS - 1_000:
        return "~"
    return _spelled((at // 1_000 + 1) << _RANDOM_BITS)[:_CLOCK_LENGTH]


def created_at_of_id(id: str) -> int:
    """The creation time of an id by `new_id`, in milliseconds since 1970."""
    number = 0
    for character in id[:_CLOCK_LENGTH]:
        number = number * 64 + ALPHABET.index(character)
    return number
