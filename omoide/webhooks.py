"""What a webhook is on the wire: which addresses may be registered, and how an event is written and signed. Pure.

Where events wait, and who carries them, stands in `store/webhooks.py` and `worker/`. The rules of addresses judge the
text alone; where a name leads is looked up when something is delivered to it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from omoide.deferred import deferred
from omoide.errors import FieldFault, InvalidFields
from omoide.records import Json

with deferred("httpx"):
    import httpx

SIGNATURE_HEADER = "X-Honcho-Signature"
DELIVERY_HEADER = "X-Honcho-Delivery"
"""Names the delivery of one event to one endpoint, the same at every attempt, so that a receiver can tell repeats."""

LOCATION = ("body", "url")
MALFORMED = "Value error, Invalid URL format"
FOREIGN_SCHEME = "Value error, Only HTTP and HTTPS URLs are allowed"
PRIVATE = "Value error, Private/internal IP addresses are not allowed"

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 address that is meant
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\u3000\ufeff\ud800-\udfff]")
# What is not for anybody to reach although the interpreter's tables, old ones above all, count it as public.
_SPECIAL = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # how a machine at Azure asks about itself
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b:1::/48",
        "3fff::/20",
        "5f00::/16",
    )
)
_NAME = re.compile(r"(?=.{1,253}\.?$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.IGNORECASE)


def check_url(url: str, *, private_targets: bool) -> None:
    """Raise InvalidFields unless events may be sent to this address, as far as its text tells.

    Without `private_targets`, an IP address in any spelling must be one of the public internet.
    """
    if fault := _fault(url, private_targets=private_targets):
        raise InvalidFields([FieldFault(LOCATION, fault, input=url[:100])])


def _fault(url: str, *, private_targets: bool) -> str | None:
    try:
        split, parsed = urlsplit(url), httpx.URL(url)
        host, port = parsed.raw_host.decode("ascii"), split.port
    except (ValueError, httpx.InvalidURL):
        return MALFORMED
    if _UNPRINTABLE.search(url) or not split.scheme or not split.netloc:
        return MALFORMED
    if parsed.scheme not in ("http", "https"):
        return FOREIGN_SCHEME
    address = literal(host)
    if port == 0 or (address is None and not _NAME.fullmatch(host)):
        return MALFORMED
    if address is not None and not private_targets and not is_public(address):
        return PRIVATE
    return None


def literal(host: str) -> Address | None:
    """The IP address that a host is, in whatever spelling resolvers take: short, decimal, octal, hexadecimal."""
    try:
        return ip_address(host.rstrip("."))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, ValueError):
        return None


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, together with any IPv4 address wrapped in it."""
    if isinstance(address, IPv6Address) and (inner := _wrapped(address)) is not None:
        return is_public(inner)
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    special = special or any(address in network for network in _SPECIAL)
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not special and not site_local


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def body(type: str, data: Json, at: datetime) -> bytes:
    """The event as it is sent: compact JSON, keys sorted at every level, ASCII only. `at` is in UTC."""
    event = {"type": type, "data": data, "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return json.dumps(event, separators=(",", ":"), sort_keys=True).encode("ascii")


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of exactly these bytes, in lower-case hexadecimal."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
