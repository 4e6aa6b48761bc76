"""Webhook delivery: verified TLS, pinned addresses, and no access to private networks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from omoide.core.errors import InvalidFields
from omoide.core.webhook_protocol import check_url, is_public, literal
from omoide.worker.ssrf_guard import Forbidden, GuardedClient, Unreachable
from tests.worker.receivers import OK, Receiver, receiver, redirect

NAME = "hooks.example"
SECONDS = 20.0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def _trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process trust the test authority."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


class Listening:
    """A TLS endpoint with a certificate; `asked_for` holds the server names sent by clients."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        self.asked_for: list[str | None] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)
        self.context.sni_callback = lambda _socket, name, _context: self.asked_for.append(name)


def resolving(*addresses: str) -> Callable[[str], Awaitable[Sequence[str]]]:
    async def resolve(host: str) -> Sequence[str]:
        return addresses

    return resolve


async def deliver(endpoint: Receiver, scheme: str = "https", host: str = NAME, **options: Any) -> int:
    outbound = GuardedClient(resolving("127.0.0.1"))
    options = {"seconds": SECONDS, "private_targets": True, **options}
    return await outbound.post(f"{scheme}://{host}:{endpoint.port}/hook", b"{}", {"X-A": "b"}, **options)


def run(story: Coroutine[Any, Any, None]) -> None:
    """Run the server, ignoring aborted handshakes."""

    async def quiet() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        await story

    asyncio.run(quiet())


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("host", [NAME, NAME.upper(), f"{NAME}."])
def test_the_host_name_is_verified_although_the_address_is_pinned(host: str, authority: trustme.CA) -> None:
    async def story() -> None:
        tls = Listening(authority.issue_cert(NAME))
        async with receiver(tls=tls.context) as endpoint:
            assert await deliver(endpoint, host=host) == 204
            ((headers, body),) = endpoint.requests
            assert headers["host"].rpartition(":")[0] == host.lower()
            assert (headers["x-a"], body) == ("b", b"{}")
            assert tls.asked_for == [NAME]

    run(story())


def wrong_name(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("other.example")


def for_the_address(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("127.0.0.1")


def expired(authority: trustme.CA) -> trustme.LeafCert:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    return authority.issue_cert(NAME, not_before=past, not_after=past.replace(year=2021))


def of_another_authority(authority: trustme.CA) -> trustme.LeafCert:
    return trustme.CA().issue_cert(NAME)


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("issue", [wrong_name, for_the_address, expired, of_another_authority])
def test_nothing_is_sent_if_the_certificate_is_invalid(
    issue: Callable[[trustme.CA], trustme.LeafCert], authority: trustme.CA
) -> None:
    async def story() -> None:
        async with receiver(tls=Listening(issue(authority)).context) as endpoint:
            with pytest.raises(Unreachable, match="certificate verify failed"):
                await deliver(endpoint)
            assert endpoint.requests == []

    run(story())


def test_an_untrusted_certificate_is_invalid(authority: trustme.CA) -> None:
    async def story() -> None:
        async with receiver(tls=Listening(authority.issue_cert(NAME)).context) as endpoint:
            with pytest.raises(Unreachable, match="certificate verify failed"):
                await deliver(endpoint)

    run(story())


@pytest.mark.usefixtures("_trusted")
def test_a_redirect_over_tls_is_not_followed_either(authority: trustme.CA) -> None:
    async def story() -> None:
        tls = Listening(authority.issue_cert(NAME))
        async with receiver() as inside, receiver(redirect(inside.url), tls=tls.context) as endpoint:
            assert await deliver(endpoint) == 307
            assert inside.requests == []

    run(story())


def test_a_response_with_endless_headers_is_aborted() -> None:
    async def story() -> None:
        async with receiver(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2_000_000) as endpoint:
            with pytest.raises(Unreachable):
                await deliver(endpoint, scheme="http")

    run(story())


def test_proxies_from_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with receiver() as proxy, receiver(OK) as endpoint:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            assert await deliver(endpoint, scheme="http") == 204
            assert proxy.requests == []

    run(story())


INTERNAL = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254
    169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1
    198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:a9fe:a9fe ::ffff:0:127.0.0.1 64:ff9b::7f00:1
    64:ff9b::169.254.169.254 64:ff9b:1::808:808 100::1 2001:0:7f00:1::1 2001:0:4136:e378:8000:63bf:f5ff:fffe
    2001:db8::1 2001:10::1 2002:7f00:1:: 2002:a9fe:a9fe:: fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 febf::1 fec0::1
    ff02::1 ff0e::1 3fff::1 5f00::1
"""
PUBLIC = "1.1.1.1 8.8.8.8 93.184.215.14 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::"
SPELLINGS = {
    "127.0.0.1": "127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0x7f.0.0.1 0177.1 017700000001 127.0.0.1. 127.000.000.001",
    "169.254.169.254": "2852039166 0xa9fea9fe 0xA9.0xFE.0xA9.0xFE 0251.0376.0251.0376 169.254.43518 169.16689662",
    "10.0.0.1": "10.1 167772161 0xa000001 012.1",
    "0.0.0.0": "0 0x0 00 0.0",
}


@pytest.mark.parametrize("address", INTERNAL.split())
def test_a_name_that_resolves_to_a_non_public_address_is_refused(address: str) -> None:
    outbound = GuardedClient(resolving(address))
    with pytest.raises(Forbidden):
        asyncio.run(outbound.post(f"https://{NAME}/", b"", {}, seconds=SECONDS, private_targets=False))


@pytest.mark.parametrize("address", PUBLIC.split())
def test_other_addresses_are_public(address: str) -> None:
    found = literal(address)
    assert found is not None
    assert is_public(found)


@pytest.mark.parametrize(("meant", "spelling"), [(k, each) for k, v in SPELLINGS.items() for each in v.split()])
def test_all_spellings_of_an_address_are_recognized(meant: str, spelling: str) -> None:
    assert str(literal(spelling)) == meant


@pytest.mark.parametrize(
    "host", ["①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "127．0．0．1", "ⓛocalhost", "[::1%25lo]"]
)
def test_unicode_digits_and_dots_do_not_hide_a_host(host: str) -> None:
    with pytest.raises(InvalidFields):
        check_url(f"http://{host}/", private_targets=False)
