"""HTTP requests to untrusted URLs, protected against SSRF.

A host name may resolve to any address, and to another one a moment later. So it is resolved once, all of its addresses
are checked, and the connection goes to one of these; TLS and the Host header still use the name. Redirects are not
followed, proxies from the environment are not used, connections are not reused, and response bodies are not read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from ipaddress import ip_address

from omoide.core.errors import Unavailable
from omoide.core.lazy_import import lazy_import
from omoide.core.webhook_protocol import is_public, literal

with lazy_import("httpx"):
    import httpx

MOST_ADDRESSES = 4
"""Maximum number of addresses of a host that are tried, one after another."""


MOST_REASON = 200
"""Maximum length of an error message, which may quote a header of any length from the target."""


class Forbidden(Exception):
    """The target is a private or internal address."""


class Unreachable(Unavailable):
    """No response: unknown host, connection refused, or time-out."""


async def addresses_of(host: str) -> list[str]:
    """Resolve a host name to IP addresses, in the system's order of preference. Raises Unreachable."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{host} could not be resolved: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedClient:
    """Posts to untrusted URLs. `resolve` is called once per post: host name → IP addresses."""

    def __init__(self, resolve: Callable[[str], Awaitable[Sequence[str]]] = addresses_of) -> None:
        self._resolve = resolve

    async def post(
        self, url: str, content: bytes, headers: Mapping[str, str], *, seconds: float, private_targets: bool
    ) -> int:
        """Post `content` and return the HTTP status, within `seconds` in total.

        Raises Forbidden if an address of the host is not public, unless `private_targets`, and Unreachable.
        """
        target = httpx.URL(url)
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._addresses(target)
                if not private_targets and not all(is_public(ip_address(address)) for address in addresses):
                    raise Forbidden(f"{target.host} resolves to a private or internal address")
                return await self._post(target, addresses[:MOST_ADDRESSES], content, headers, seconds)
        except TimeoutError:
            raise Unreachable(f"{target.host} did not answer within {seconds:g} seconds") from None
        except httpx.HTTPError as error:
            reason = str(error)[:MOST_REASON] or type(error).__name__
            raise Unreachable(f"{target.host} could not be reached: {reason}") from error

    async def _post(
        self, target: httpx.URL, addresses: Sequence[str], content: bytes, headers: Mapping[str, str], seconds: float
    ) -> int:
        verify = await asyncio.to_thread(lambda: self._tls) if target.scheme == "https" else False
        named = {**headers, "Host": target.netloc.decode("ascii")}
        # An address that does not respond leaves time for the next one.
        patience = httpx.Timeout(seconds, connect=seconds / len(addresses))
        async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=patience) as client:
            for address in addresses:
                request = client.build_request("POST", target.copy_with(host=address), content=content, headers=named)
                request.extensions["sni_hostname"] = target.raw_host.decode("ascii").rstrip(".")
                try:
                    response = await client.send(request, stream=True, follow_redirects=False)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    if address == addresses[-1]:
                        raise
                else:
                    await response.aclose()
                    return response.status_code
        raise AssertionError("a resolved name has an address")

    async def _addresses(self, target: httpx.URL) -> Sequence[str]:
        host = target.raw_host.decode("ascii")
        address = literal(host)
        return [str(address)] if address else await self._resolve(host)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Created on first use, because reading the certificates takes a tenth of a second."""
        return httpx.create_ssl_context()
