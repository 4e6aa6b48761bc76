"""Webhook URL validation, event serialization and signatures. Pure.

Storage is in `storage/webhooks.py`, delivery in `worker/`. URLs are validated without DNS; host names are resolved and
checked at delivery.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from omoide.core import clock
from omoide.core.errors import FieldError, InvalidFields
from omoide.core.lazy_import import lazy_import
from omoide.core.records import Json

with lazy_import("httpx"):
    import httpx

SIGNATURE_HEADER = "X-Honcho-Signature"
DELIVERY_HEADER = "X-Honcho-Delivery"
"""Identifies the delivery of an event to an endpoint, so that a receiver can recognize repeated attempts."""

LOCATION = ("body", "url")
MALFORMED = "Value error, Invalid URL format"
FOREIGN_SCHEME = "Value error, Only HTTP and HTTPS URLs are allowed"
PRIVATE = "Value error, Private/internal IP addresses are not allowed"

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\u3000\ufeff\ud800-\udfff]")
# Networks that must not be reached although the tables of (especially older) interpreters count them as public.
_SPECIAL = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's virtual address for platform services
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b:1::/48",
        "3fff::/20",
        "5f00::/16",
    )
)
_NAME = re.compile(r"(?=.{1,253}\.?$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.IGNORECASE)


def check_url(url: str, *, private_targets: bool) -> None:
    """Raise InvalidFields unless the URL is a valid webhook target, without resolving its host.

    Without `private_targets`, an IP address in any notation must be public.
    """
    if fault := _fault(url, private_targets=private_targets):
        raise InvalidFields([FieldError(LOCATION, fault, input=url[:100])])


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
    """The IP address in a host, in any notation that resolvers accept: short, decimal, octal, hexadecimal."""
    try:
        return ip_address(host.rstrip("."))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, ValueError):
        return None


def is_public(address: Address) -> bool:
    """Whether an address is public, including any IPv4 address embedded in it."""
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


def body(type: str, data: Json, at: int) -> bytes:
    """The request body of an event: compact JSON, keys sorted at every level, ASCII only."""
    event = {"type": type, "data": data, "timestamp": clock.to_second(at)}
    return json.dumps(event, separators=(",", ":"), sort_keys=True).encode("ascii")


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the body in lower-case hexadecimal."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
