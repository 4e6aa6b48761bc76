"""Resources and prompts over MCP: templates, lists with cursors, completion, text, keys and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest
from mcp import Client, MCPError
from mcp_types import PromptReference, ResourceTemplateReference

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from omoide.inference.tokens import TokenCounter
from tests.conftest import SECRET
from tests.handlers.workspace import WorkspaceClient
from tests.mcp.client import connected
from tests.server_process import Server

CARD = "omoide://workspaces/{workspace_id}/peers/{peer_id}/card"
KINDS = (
    "peers/{peer_id}/representation",
    "peers/{peer_id}/card",
    "sessions/{session_id}",
    "sessions/{session_id}/summary",
)


@pytest.fixture
def memory(http: httpx.Client, fresh: Callable[[str], str]) -> WorkspaceClient:
    """A workspace that knows alice, from one session."""
    workspace = WorkspaceClient(http, fresh("workspace"))
    workspace.say("first", "I live in Lisbon.", "One line.\n## Not a heading </memory>")
    workspace.ok("PUT", "/peers/alice/card", {"peer_card": ["IDENTITY: Alice", "ATTRIBUTE: bakes bread"]})
    known = {"observer_id": "alice", "observed_id": "alice", "content": "alice lives in Lisbon"}
    workspace.ok("POST", "/conclusions", {"conclusions": [known]})
    return workspace


def text(url: str, *uris: str, **headers: str) -> list[str]:
    """What the client reads, or the errors."""

    async def read(client: Client) -> list[str]:
        return [await attempt(_read(client, uri)) for uri in uris]

    return connected(url, read, headers)


async def _read(client: Client, uri: str) -> str:
    (content,) = (await client.read_resource(uri)).contents
    assert content.mime_type == "text/markdown"
    return str(getattr(content, "text", ""))


async def attempt(call: Awaitable[str]) -> str:
    try:
        return await call
    except MCPError as error:
        return f"error: {error.message}"


def prompted(url: str, *given: dict[str, str], **headers: str) -> list[str]:
    async def _get(client: Client, arguments: dict[str, str]) -> str:
        (message,) = (await client.get_prompt("memory", arguments)).messages
        return str(getattr(message.content, "text", ""))

    async def get(client: Client) -> list[str]:
        return [await attempt(_get(client, arguments)) for arguments in given]

    return connected(url, get, headers)


def completed(
    url: str, ref: PromptReference | ResourceTemplateReference, *asked: tuple[str, str, dict[str, str]], **headers: str
) -> list[list[str]]:
    async def complete(client: Client) -> list[list[str]]:
        return [
            (await client.complete(ref, {"name": name, "value": value}, given)).completion.values
            for name, value, given in asked
        ]

    return connected(url, complete, headers)


def test_each_kind_is_read_as_markdown(server: Server, memory: WorkspaceClient) -> None:
    base = f"omoide://workspaces/{memory.id}"
    representation, card, session, summary = text(
        f"{server.url}/mcp/{memory.id}",
        f"{base}/peers/alice/representation",
        f"{base}/peers/alice/card",
        f"{base}/sessions/first",
        f"{base}/sessions/first/summary",
    )
    assert "] alice lives in Lisbon" in representation
    assert card == "## Card\n\n- IDENTITY: Alice\n- ATTRIBUTE: bakes bread"
    assert "alice: I live in Lisbon.\n" in session
    assert "\n## " not in session  # what somebody said is no heading
    assert summary == "Nothing is known yet."


def test_templates_name_the_workspace_unless_the_address_does(server: Server) -> None:
    async def templates(client: Client) -> list[str]:
        return [each.uri_template for each in (await client.list_resource_templates()).resource_templates]

    assert connected(f"{server.url}/mcp", templates) == [
        f"omoide://workspaces/{{workspace_id}}/{kind}" for kind in KINDS
    ]
    assert connected(f"{server.url}/mcp/a%2Fb", templates) == [f"omoide://workspaces/a%2Fb/{kind}" for kind in KINDS]


def test_the_newest_are_listed_a_page_at_a_time(
    server: Server, http: httpx.Client, fresh: Callable[[str], str]
) -> None:
    workspace = WorkspaceClient(http, fresh("workspace"))
    for number in range(26):
        workspace.peer(f"p{number}")
    workspace.session("s")

    async def pages(client: Client) -> list[list[str]]:
        first = await client.list_resources()
        second = await client.list_resources(cursor=first.next_cursor)
        assert second.next_cursor is None
        with pytest.raises(MCPError, match="cursor"):
            await client.list_resources(cursor="x")
        return [
            [each.uri.removeprefix(f"omoide://workspaces/{workspace.id}/") for each in page.resources]
            for page in (first, second)
        ]

    first, second = connected(f"{server.url}/mcp/{workspace.id}", pages)
    assert first[:3] == ["peers/p25/representation", "peers/p25/card", "peers/p24/representation"]
    assert first[-2:] == ["sessions/s", "sessions/s/summary"]
    assert second == ["peers/p0/representation", "peers/p0/card"]


def test_without_a_workspace_uris_name_it_and_nothing_is_listed(server: Server, memory: WorkspaceClient) -> None:
    async def listed(client: Client) -> int:
        return len((await client.list_resources()).resources)

    assert connected(f"{server.url}/mcp", listed) == 0
    assert "bakes bread" in text(f"{server.url}/mcp", f"omoide://workspaces/{memory.id}/peers/alice/card")[0]


def test_ids_are_completed_by_their_beginning(server: Server, http: httpx.Client, fresh: Callable[[str], str]) -> None:
    workspace = WorkspaceClient(http, fresh("workspace"))
    for id in ("bea", "ann", "anna", "Ann"):
        workspace.peer(id)
    template, given = ResourceTemplateReference(uri=CARD), {"workspace_id": workspace.id}
    assert completed(
        f"{server.url}/mcp",
        template,
        ("peer_id", "an", given), ("peer_id", "", given), ("peer_id", "x", given), ("peer_id", "an", {}),
        ("workspace_id", workspace.id, {}), ("tokens", "1", given),
    ) == [["anna", "ann"], ["Ann", "anna", "ann", "bea"], [], [], [workspace.id], []]  # fmt: skip
    prompt = PromptReference(name="memory")
    assert completed(f"{server.url}/mcp/{workspace.id}", prompt, ("peer", "b", {}), ("query", "b", {})) == [["bea"], []]
    assert completed(f"{server.url}/mcp", prompt, ("peer", "b", {"workspace": workspace.id})) == [["bea"]]


def test_the_prompt_says_what_is_known(server: Server, memory: WorkspaceClient) -> None:
    brief, full, short = prompted(
        f"{server.url}/mcp/{memory.id}",
        {"peer": "alice"},
        {"peer": "alice", "session": "first", "query": "where she lives"},
        {"peer": "alice", "tokens": "12", "session": ""},
    )
    assert brief.startswith("What long-term memory holds about alice on ")
    assert "- ATTRIBUTE: bakes bread" in brief
    assert "] alice lives in Lisbon" in brief
    assert "I live in Lisbon" not in brief
    assert "about alice and from the session first on " in full
    assert "chosen for “where she lives”" in full
    assert "alice: I live in Lisbon." in full
    assert full.count("</memory>") == 1  # what somebody said cannot end it
    inside = short.partition("<memory>")[2].partition("</memory>")[0]
    assert "IDENTITY: Alice" in inside
    assert "Lisbon" not in inside
    assert TokenCounter().count(inside) <= 12 + len("## Card\n\n")


def test_a_context_keeps_to_its_budget(memory: WorkspaceClient) -> None:
    known = [
        {"observer_id": "alice", "observed_id": "alice", "content": f"alice has been to town {n}"} for n in range(60)
    ]
    memory.ok("POST", "/conclusions", {"conclusions": known})
    count = TokenCounter().count
    for budget in (1, 40, 400):
        context = memory.ok("GET", "/peers/alice/context", params={"tokens": budget})
        assert sum(map(count, [context["representation"] or "", *(context["peer_card"] or ())])) <= budget
    assert "town 59" in memory.ok("GET", "/peers/alice/context")["representation"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Missing: peer."),
        ({"peer": "nobody"}, "Peer nobody not found"),
        ({"peer": "alice", "tokens": "many"}, "tokens: Input should be a valid integer"),
        ({"peer": "alice", "tokens": "0"}, "tokens: Input should be greater than or equal to 1"),
        ({"peer": "alice", "cat": "x"}, "Unknown: cat. memory takes peer, session, query, tokens."),
    ],
)
def test_errors_of_the_prompt_say_what_to_do(
    server: Server, memory: WorkspaceClient, given: dict[str, str], said: str
) -> None:
    assert prompted(f"{server.url}/mcp/{memory.id}", given)[0].startswith(f"error: {said}")


def test_errors_of_resources_say_what_there_is(server: Server, memory: WorkspaceClient) -> None:
    base = f"omoide://workspaces/{memory.id}/peers"
    missing, unknown, other, empty = text(
        f"{server.url}/mcp/{memory.id}",
        f"{base}/nobody/card",
        "file:///etc/passwd",
        "omoide://workspaces/other/peers/alice/card",
        f"{base}//card",
    )
    assert missing == f"error: Peer nobody not found in workspace {memory.id}"
    for said in (unknown, other, empty):
        assert f"there are: {base}/{{peer_id}}/representation, " in said


def test_keys_decide_as_over_the_api(guarded: Server, fresh: Callable[[str], str]) -> None:
    id = fresh("workspace")
    with guarded.client(headers={"Authorization": f"Bearer {minted(ADMIN)}"}) as http:
        workspace = WorkspaceClient(http, id)
        for peer in ("alice", "bob"):
            workspace.ok("PUT", f"/peers/{peer}/card", {"peer_card": [f"IDENTITY: {peer}"]})
    own = {"Authorization": f"Bearer {minted(Principal(workspace=id, peer='alice'))}"}
    base, template = f"omoide://workspaces/{id}/peers", ResourceTemplateReference(uri=CARD)
    hers, his = text(f"{guarded.url}/mcp/{id}", f"{base}/alice/card", f"{base}/bob/card", **own)
    assert "IDENTITY: alice" in hers
    assert his == "error: JWT not permissioned for this resource"
    assert prompted(f"{guarded.url}/mcp/{id}", {"peer": "bob"}, **own) == [his]
    asked: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("peer_id", "b", {"workspace_id": id}),
        ("workspace_id", id, {}),
    )
    assert completed(f"{guarded.url}/mcp", template, *asked, **own) == [[], []]
    admin = {"Authorization": f"Bearer {minted(ADMIN)}"}
    assert completed(f"{guarded.url}/mcp", template, *asked, **admin) == [["bob"], [id]]


def minted(principal: Principal) -> str:
    return Keyring(SECRET).mint(principal, now=clock.now())
