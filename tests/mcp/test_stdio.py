"""`omoide mcp`: real agents' processes, the server that they share, and what happens when one of them dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
from mcp import Client

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from tests.conftest import SECRET
from tests.handlers.workspace import until
from tests.mcp.agent import INITIALIZE, Machine, has_ended, is_running, structured
from tests.mcp.conversation import explained_corrected_and_forgotten, remembered
from tests.server_process import Server

SINGLE, BATCHES, BATCH = 100, 45, 20
PER_AGENT = SINGLE + BATCHES * BATCH
AT_ONCE = 8
LINE = json.dumps(INITIALIZE) + "\n"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine on which no server runs, and none is left running."""
    made = Machine(tmp_path)
    yield made
    if made.db.parent.exists():
        until(lambda: has_ended(made.db))


def began(process: subprocess.Popen[str]) -> None:
    """Send the first message of a conversation."""
    assert process.stdin
    process.stdin.write(LINE)
    process.stdin.flush()


def line_of(stream: IO[str] | None) -> str:
    assert stream
    return stream.readline()


def said(url: str, session: str) -> list[str]:
    """The contents of all messages of a session in the workspace `default`."""
    contents: list[str] = []
    with httpx.Client(base_url=url, timeout=60) as http:
        for number in range(1, 1_000):
            path = f"/v3/workspaces/default/sessions/{session}/messages/list"
            page = http.post(path, json={}, params={"size": 100, "page": number}).json()
            contents += [message["content"] for message in page["items"]]
            if number >= page["pages"]:
                break
    return contents


def test_what_one_agent_remembers_is_learned_and_known_to_the_next(tmp_path: Path) -> None:
    machine = Machine(tmp_path, debounce_seconds="86400", max_wait_seconds="86400")

    message_id = asyncio.run(told(machine))
    until(lambda: has_ended(machine.db))
    asyncio.run(found(machine, message_id))
    until(lambda: has_ended(machine.db))
    assert not any(machine.folder.iterdir())


def test_agents_pass_on_their_key(guarded: Server, machine: Machine) -> None:
    key = Keyring(SECRET).mint(Principal(workspace="agents"), now=clock.now())
    machine.environment |= {"OMOIDE_KEY": key, "OMOIDE_URL": guarded.url, "OMOIDE_WORKSPACE": "agents"}

    message_id = asyncio.run(told(machine))
    with guarded.client(headers={"Authorization": f"Bearer {key}"}) as http:
        assert http.post("/v3/workspaces/agents/queue/flush").is_success
        until(lambda: http.get("/v3/workspaces/agents/queue/status").json()["completed_work_units"])
    asyncio.run(found(machine, message_id))


async def told(machine: Machine) -> str:
    async with machine.agent() as first:
        return await remembered(first)


async def found(machine: Machine, message_id: str) -> None:
    async with machine.agent() as second:
        await explained_corrected_and_forgotten(second, message_id)


def test_two_agents_lose_and_double_nothing_although_the_server_is_killed(machine: Machine) -> None:
    killed_at, enough = PER_AGENT // 4, asyncio.Event()

    async def write(client: Client, name: str, done: list[str]) -> None:
        sizes = [1] * SINGLE + [BATCH] * BATCHES
        numbers = iter(range(PER_AGENT))
        batches = iter([[f"{name} {next(numbers)}" for _ in range(size)] for size in sizes])

        async def send() -> None:
            for contents in batches:
                messages = [{"peer_id": name, "content": content} for content in contents]
                await structured(client, "remember", session_id="both", messages=messages)
                done.extend(contents)
                if len(done) >= killed_at:
                    enough.set()

        await asyncio.gather(*(send() for _ in range(AT_ONCE)))

    async def kill() -> int:
        await enough.wait()
        pid = int(machine.server["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    async def both() -> None:
        done: list[str] = []
        async with machine.agent() as one, machine.agent() as two:
            *_, pid = await asyncio.gather(write(one, "one", done), write(two, "two", done), kill())
            assert machine.server["pid"] != pid
            stored = await asyncio.to_thread(said, machine.server["url"], "both")
        assert sorted(stored) == sorted(f"{name} {n}" for name in ("one", "two") for n in range(PER_AGENT))
        assert sorted(stored) == sorted(done)

    asyncio.run(both())


def test_ten_agents_that_start_at_once_share_one_server_which_ends_after_the_last(machine: Machine) -> None:
    agents = [machine.process() for _ in range(10)]
    urls = set()
    for agent in agents:
        began(agent)
    for agent in agents:
        assert json.loads(line_of(agent.stdout))["result"]["serverInfo"]["name"] == "omoide"
        urls.add(line_of(agent.stderr).partition("server ")[2].strip())
    assert urls == {machine.server["url"]}
    pid = machine.server["pid"]
    for agent in agents[:5]:
        agent.kill()
    for agent in agents:
        rest = agent.communicate(None if agent in agents[:5] else LINE)[0]
        assert rest.count('"serverInfo"') == (agent not in agents[:5])
    assert {agent.returncode for agent in agents} == {0, -signal.SIGKILL}
    until(lambda: not is_running(pid))
    assert "Error" not in Path(f"{machine.db}.server.log").read_text()


def test_a_running_server_is_used_and_one_that_agents_started_gives_way_to_it(machine: Machine) -> None:
    async def talk() -> None:
        async with machine.agent() as client:
            await structured(client, "remember", session_id="s", messages=[{"peer_id": "a", "content": "one"}])
            first = machine.server
            running = await asyncio.to_thread(Server, machine.db)
            try:
                assert not is_running(first["pid"])
                await structured(client, "remember", session_id="s", messages=[{"peer_id": "a", "content": "two"}])
                assert machine.server == {"url": running.url, "pid": running.process.pid, "shared": False}
                assert said(running.url, "s") == ["one", "two"]
            finally:
                running.stop()

    asyncio.run(talk())


def test_a_call_whose_answer_was_lost_stores_its_messages_once(server: Server) -> None:
    call = {
        "name": "remember",
        "arguments": {"workspace_id": "once", "session_id": "s", "messages": [{"peer_id": "a", "content": "hello"}]},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"Accept": "application/json, text/event-stream", "Idempotency-Key": "k", "X-Omoide-Repeated": "true"}
    with server.client() as http:
        answers = [http.post("/mcp", json=body, headers=headers).json()["result"] for _ in range(2)]
    ids = [answer["structuredContent"]["message_ids"] for answer in answers]
    assert ids[0] == ids[1]


def test_a_call_whose_answer_was_lost_is_refused_if_it_would_write_twice(server: Server) -> None:
    conclusions = {"peer_id": "a", "target": "a", "conclusions": ["a sings"]}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    body["params"] = {"name": "create_conclusions", "arguments": conclusions}
    headers = {"Accept": "application/json, text/event-stream", "Idempotency-Key": "k", "X-Omoide-Repeated": "true"}
    with server.client() as http:
        refused = http.post("/mcp/full/once", json=body, headers=headers).json()["result"]
        assert refused["isError"]
        assert "may or may not have been carried out" in refused["content"][0]["text"]
        assert not http.post("/v3/workspaces/once/conclusions/list", json={}).json()["items"]
        del headers["X-Omoide-Repeated"]
        assert not http.post("/mcp/full/once", json=body, headers=headers).json()["result"]["isError"]


def test_only_messages_of_the_protocol_go_to_stdout(server: Server, machine: Machine) -> None:
    process = machine.process("--url", server.url)
    lines = ["{", "", "[]", "7", '{"jsonrpc":"2.0","method":"notifications/initialized"}', json.dumps(INITIALIZE)]
    out, _ = process.communicate("\n".join(lines))  # the last one has no line end
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer.get("error", {}).get("code") for answer in answers] == [-32700, -32600, -32600, None]
    assert answers[-1]["id"] == 1
    assert process.returncode == 0


def test_a_cancelled_request_is_left_and_gets_no_answer(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = machine.process("--url", f"http://127.0.0.1:{listening.getsockname()[1]}")
        began(process)
        connection, _ = listening.accept()
        with connection:
            while b"clientInfo" not in connection.recv(65_536):
                pass
            cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
            assert process.communicate(json.dumps(cancelled) + "\n")[0] == ""
            while connection.recv(65_536):
                pass
    assert process.returncode == 0


def test_a_stop_signal_ends_it_cleanly(server: Server, machine: Machine) -> None:
    process = machine.process("--url", server.url)
    began(process)
    assert line_of(process.stdout)
    process.terminate()
    assert process.wait(10) == 0
    process.communicate()


def error_of(process: subprocess.Popen[str]) -> Any:
    out, _ = process.communicate(LINE)
    return json.loads(out)["error"]["message"]


def test_what_keeps_a_server_from_starting_is_said_to_the_client(machine: Machine) -> None:
    machine.db.parent.mkdir(parents=True)
    machine.db.write_text("This is no database, but a text that is long enough to be one.\n" * 100)
    assert "not a database" in error_of(machine.process())


def test_a_server_that_wants_a_key_says_so(guarded: Server, machine: Machine) -> None:
    assert "valid key" in error_of(machine.process("--url", guarded.url))


def test_an_address_that_is_no_memory_server_is_named(machine: Machine) -> None:
    process = machine.process("--url", "localhost:8000")
    assert "must be the URL of a server" in process.communicate()[1]
    assert process.returncode == 2
