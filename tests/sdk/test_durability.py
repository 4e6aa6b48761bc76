"""A server that is killed and restarted, from the SDK's view: nothing acknowledged is lost.

Starting a server takes longer than everything else in this folder, so each rule is tested in one calling style only.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import random
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from honcho import ConnectionError as Unreachable
from honcho import Honcho, Peer
from honcho.api_types import SessionPeerConfig

from tests.sdk.conftest import Connect
from tests.sdk.styles import Style
from tests.server_process import Server

LISTENS = SessionPeerConfig(observe_me=False, observe_others=True)
ACKNOWLEDGED = 25
PATIENCE = 6
"""Retries: the SDK waits 0.5 s, then twice as long each time."""


def lasting_port() -> int:
    """A free port outside the kernel's ephemeral range, which may be taken while the server is down."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    while True:
        port = random.randint(1_024, 65_535)
        if not first <= port <= last:
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
                return port


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that tests may kill and restart at the same address."""
    db = tmp_path_factory.mktemp("mortal") / "omoide.db"
    running = Server(db, "--port", str(lasting_port()))
    yield running
    assert running.stop() == -signal.SIGTERM, "".join(running.log)


@pytest.mark.parametrize("call", ["sync"], indirect=True)
def test_acknowledged_messages_exist_after_a_kill(
    mortal: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    honcho: Honcho = connect(mortal, fresh("workspace"), max_retries=0)
    call(honcho.set_metadata, {"team": "research"})
    alice = call(honcho.peer, "alice", metadata={"language": "pt"})
    session = call(honcho.session, "first", metadata={"channel": "web"}, peers=[(alice, LISTENS)])
    acknowledged: queue.Queue[str | None] = queue.Queue()

    def write_until_the_end() -> None:
        try:
            for number in itertools.count():
                call(session.add_messages, alice.message(f"{number}"))
                acknowledged.put(f"{number}")
        except Unreachable:
            pass  # the server was killed, as intended
        finally:
            acknowledged.put(None)

    writing = threading.Thread(target=write_until_the_end)
    writing.start()
    before = list(itertools.islice(iter(acknowledged.get, None), ACKNOWLEDGED))
    assert len(before) == ACKNOWLEDGED
    mortal.kill()
    writing.join()
    mortal.start()

    before += iter(acknowledged.get, None)
    stored = [message.content for message in call.walk(call(session.messages, size=100))]
    assert stored[: len(before)] == before
    assert len(stored) - len(before) in {0, 1}, "at most the message in flight when the server died"
    assert call(honcho.get_metadata) == {"team": "research"}
    assert call(alice.get_metadata) == {"language": "pt"}
    assert call(session.get_metadata) == {"channel": "web"}
    assert call(session.get_peer_configuration, alice) == LISTENS


@pytest.mark.parametrize("call", ["async"], indirect=True)
def test_a_call_made_while_the_server_is_down_succeeds_after_its_restart(
    mortal: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    honcho = connect(mortal, fresh("workspace"), max_retries=PATIENCE)
    session = call(honcho.session, "first")
    mortal.kill()
    coming_back = threading.Thread(target=mortal.start)
    coming_back.start()
    [message] = call(session.add_messages, Peer("alice", honcho).message("Still there?"))
    coming_back.join()
    assert [stored.id for stored in call(session.messages).items] == [message.id]
