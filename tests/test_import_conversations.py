"""`omoide import --from`: exports of other programs become sessions, once, however often they are imported."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from omoide.cli import import_conversations
from omoide.cli.main import main
from omoide.services import conversation_import, ingest
from omoide.storage import messages, peers, sessions
from tests.postgresql import open_store
from tests.read_now import read_now
from tests.server_process import Server

GRAZ, LENTILS = "I live in Graz and I am vegan.", "I recommend lentil soup."
SESSION = "4f6c1c1e-7b1d-4a53-9a53-0d6c0a5f6a11"
Write = Callable[[str, object], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of an export: text, or JSON."""

    def writing(name: str, content: object) -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    return writing


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)

    def run(kind: str, path: Path, *more: str) -> Result:
        return CliRunner().invoke(main, ["import", str(path), "--from", kind, "--workspace", "w", *more])

    return run


Spoken = list[tuple[str, str]]


def said(session_id: str) -> Spoken:
    """Peer and text of the messages of a session, in their order."""
    return [(each["peer"], each["text"]) for each in stored(session_id)]


def stored(session_id: str) -> list[dict[str, Any]]:
    store = open_store(Path("omoide.db"), durability="normal", busy_timeout=5, wal_limit_bytes=10**8)
    try:
        session = read_now(store, sessions.get, "w", session_id)
        found = read_now(store, messages.through, session.pk, 1, 10_000)
        return [
            {"peer": each.peer_id, "text": each.content, "metadata": each.metadata, "at": each.created_at}
            | {"offset": each.utc_offset, "title": session.metadata.get("title")}
            for each in found
        ]
    finally:
        store.close()


def node(id: str, parent: str | None, role: str, *parts: Any, **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [*parts]}
    return {
        "id": id,
        "parent": parent,
        "message": {"author": {"role": role}, "create_time": 1.7e9, "content": content, **more},
    }


def chatgpt(*nodes: dict[str, Any], id: str = SESSION) -> dict[str, Any]:
    mapping = {each["id"]: each for each in nodes}
    return {"title": "Food", "conversation_id": id, "mapping": mapping, "current_node": nodes[-1]["id"]}


ASKED = [
    {"id": "root", "parent": None, "message": None},
    node("system", "root", "system", ""),
    node("asked", "system", "user", GRAZ),
    node("replaced", "asked", "assistant", "Eat meat."),
    node("tool", "asked", "tool", "results"),
    node("reply", "tool", "assistant", LENTILS),
]


def test_chatgpt_gives_a_session_a_conversation_without_what_is_no_talk(
    write: Write, invoke: Callable[..., Result]
) -> None:
    image = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-1"}
    photo = chatgpt(node("photo", None, "user", image, "What is this?"), id="p")
    found = invoke("chatgpt", write("conversations.json", [chatgpt(*ASKED), photo, {"mapping": {}, "id": "empty"}]))
    assert found.exit_code == 0, found.output
    assert said(f"chatgpt-{SESSION}") == [("user", GRAZ), ("assistant", LENTILS)]
    (first, _) = stored(f"chatgpt-{SESSION}")
    assert (first["at"], first["title"], first["metadata"]["source"]) == (1_700_000_000_000_000, "Food", "chatgpt")
    assert said("chatgpt-p") == [("user", "What is this?")]
    assert "Left out: 3 messages without talk" in found.output
    assert "Left out: 1 conversation without talk" in found.output
    assert "Imported 3 messages in 2 sessions into w" in found.output


def test_a_later_export_adds_only_what_is_new(write: Write, invoke: Callable[..., Result]) -> None:
    repeated = [node(f"again-{n}", f"again-{n - 1}" if n else "reply", "user", "Thanks!") for n in range(2)]
    invoke("chatgpt", write("conversations.json", [chatgpt(*ASKED)]))
    later = write("conversations.json", [chatgpt(*ASKED, *repeated)])
    found = invoke("chatgpt", later)
    assert "Imported 2 messages" in found.output
    assert "2 messages were already there" in found.output
    assert "Imported 0 messages" in invoke("chatgpt", later).output
    assert said(f"chatgpt-{SESSION}")[2:] == [("user", "Thanks!")] * 2


def test_a_dry_run_counts_and_writes_nothing(write: Write, invoke: Callable[..., Result]) -> None:
    path = write("conversations.json", [chatgpt(*ASKED)])
    found = invoke("chatgpt", path, "--dry-run", "--me", "ana")
    assert "ana: 1 message\nassistant: 1 message\nFrom 2023-11-14 to 2023-11-14." in found.output
    assert "Would import 2 messages in 1 session into w." in found.output
    assert not Path("omoide.db").exists()
    invoke("chatgpt", path, "--me", "ana")
    assert "Would import 0 messages" in invoke("chatgpt", path, "--dry-run", "--me", "ana").output


def test_an_interrupted_import_resumes_without_doubles(
    write: Write, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [node(f"n{n}", f"n{n - 1}" if n else None, "user", f"I own item {n}.") for n in range(1_200)]
    path = write("conversations.json", [*(chatgpt(*ASKED, id=f"c{n}") for n in range(20)), chatgpt(*turns, id="long")])
    counting, calls = ingest.counted, iter(range(100))

    async def dying(*given: Any) -> Any:
        if next(calls) == 22:
            raise KeyboardInterrupt
        return await counting(*given)

    monkeypatch.setattr(ingest, "counted", dying)
    assert "Repeat the command to resume" in invoke("chatgpt", path).output
    assert 0 < len(said("chatgpt-long")) < 1_200
    monkeypatch.setattr(ingest, "counted", counting)
    assert "were already there" in invoke("chatgpt", path).output
    assert all(len(said(f"chatgpt-c{n}")) == 2 for n in range(20))
    assert said("chatgpt-long") == [("user", f"I own item {n}.") for n in range(1_200)]


def test_progress_is_shown_within_a_long_session(
    write: Write, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []

    @contextlib.contextmanager
    def noting(_label: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: seen.append((done, total))

    monkeypatch.setattr(import_conversations, "progress_bar", noting)
    monkeypatch.setattr(conversation_import, "BATCH", 2)
    turns = [node(f"n{n}", f"n{n - 1}" if n else None, "user", f"I own item {n}.") for n in range(5)]
    invoke("chatgpt", write("conversations.json", [chatgpt(*turns)]))
    assert seen == [(0, 5), (2, 5), (4, 5), (5, 5)]


def test_claude_prefers_typed_content_to_a_text_with_placeholders(
    write: Write, invoke: Callable[..., Result], tmp_path: Path
) -> None:
    unsupported = "```\nThis block is not supported on your current device yet.\n```\n" + LENTILS
    parts = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "tool_use", "input": {}},
        {"type": "text", "text": LENTILS},
    ]
    at = "2024-03-01T10:00:05.123456Z"
    chat = {
        "uuid": "u-1",
        "name": "Food",
        "created_at": at,
        "chat_messages": [
            {"uuid": "a", "sender": "human", "text": GRAZ, "content": [], "created_at": at},
            {"uuid": "b", "sender": "assistant", "text": unsupported, "content": parts, "created_at": at},
            {"uuid": "c", "sender": "human", "text": "", "content": [], "attachments": [{}], "created_at": at},
        ],
    }
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("conversations.json", json.dumps([chat]))
        packed.writestr("users.json", json.dumps([{"uuid": "x", "full_name": "Ana"}]))
        packed.writestr("__MACOSX/._conversations.json", "\0")
    found = invoke("claude", archive)
    assert said("claude-u-1") == [("user", GRAZ), ("assistant", LENTILS)]
    assert "Left out: 1 message without talk" in found.output


WHATSAPP = f"""\
12/31/23, 9:41\u202fPM - Messages and calls are end-to-end encrypted. Tap to learn more.
12/31/23, 9:41\u202fPM - Ana Ruiz: {GRAZ}
and in a second line
12/31/23, 9:42\u202fPM - Ben Müller: <Media omitted>
1/1/24, 12:05\u202fAM - Ben Müller: {LENTILS}
1/1/24, 12:05\u202fAM - Иван: Привет
"""


def test_whatsapp_maps_the_owner_and_gives_others_peers_of_their_own(
    write: Write, invoke: Callable[..., Result]
) -> None:
    found = invoke("whatsapp", write("WhatsApp Chat with Ben (1).txt", WHATSAPP), "--me", "Ana Ruiz")
    assert found.exit_code == 0, found.output
    (first, second, third) = stored("whatsapp-whatsapp-chat-with-ben")
    assert first["text"] == f"{GRAZ}\nand in a second line"
    assert [first["peer"], second["peer"]] == ["ana-ruiz", "ben-muller"]
    assert second["at"] - first["at"] == 144 * 60 * 1_000_000
    store = open_store(Path("omoide.db"), durability="normal", busy_timeout=5, wal_limit_bytes=10**8)
    ivan = read_now(store, peers.find, "w", third["peer"])
    store.close()
    assert ivan is not None
    assert ivan.metadata == {"name": "Иван"}
    assert "Left out: 1 message" in found.output


def test_an_owner_who_is_no_speaker_is_said(write: Write, invoke: Callable[..., Result]) -> None:
    found = invoke("whatsapp", write("_chat.txt", WHATSAPP), "--me", "carol", "--dry-run")
    assert "No speaker is carol" in found.output


def test_telegram_keeps_local_offsets_and_deleted_accounts_of_every_chat(
    write: Write, invoke: Callable[..., Result]
) -> None:
    def told(name: str | None, text: Any, **more: Any) -> dict[str, Any]:
        at = {"date": "2023-11-15T00:13:20", "date_unixtime": "1700000000"}
        return {"id": 1, "type": "message", **at, "from": name, "from_id": "user7", "text": text, **more}

    service = {**told("Ana", ""), "type": "service", "actor": "Ana", "action": "phone_call"}
    chats = [
        {
            "name": "Ben",
            "type": "personal_chat",
            "id": 11,
            "messages": [service, told("Ana", ["I like ", {"type": "bold", "text": "tea"}])],
        },
        {"name": None, "type": "saved_messages", "id": 12, "messages": [told("Ana", GRAZ)]},
        {
            "name": None,
            "type": "personal_chat",
            "id": 13,
            "messages": [told(None, "hi"), told("Ana", "", photo="x.jpg")],
        },
    ]
    invoke("telegram", write("result.json", {"about": "", "chats": {"about": "", "list": chats}}), "--me", "ana")
    (tea,) = stored("telegram-11")
    assert (tea["peer"], tea["text"], tea["at"], tea["offset"]) == ("ana", "I like tea", 1_700_000_000_000_000, 120)
    assert said("telegram-12") == [("ana", GRAZ)]
    assert said("telegram-13") == [("user7", "hi")]


def test_slack_reads_days_in_order_with_the_names_of_its_users(write: Write, invoke: Callable[..., Result]) -> None:
    def told(user: str, ts: str, text: str, **more: str) -> dict[str, str]:
        return {"type": "message", "user": user, "ts": ts, "text": text, **more}

    write("slack/users.json", [{"id": "U1", "name": "aruiz", "profile": {"real_name": "Ana Ruiz", "display_name": ""}}])
    write("slack/channels.json", [{"id": "C1", "name": "general"}])
    write("slack/general/2023-11-15.json", [told("U1", "1700090000.000100", "second day")])
    write(
        "slack/general/2023-11-14.json",
        [
            told("U2", "1700000000.000100", "hi <@U1> &amp; all"),
            told("U2", "1700000001.0", "<@U2> has joined", subtype="channel_join"),
        ],
    )
    write("slack/general/broken.json", "[{")
    path = write("slack/integration_logs.json", []).parent
    found = invoke("slack", path, "--me", "Ana Ruiz")
    assert said("slack-c1") == [("u2", "hi @Ana Ruiz & all"), ("ana-ruiz", "second day")]
    assert "Left out: 1 message" in found.output
    assert "broken.json is damaged" in found.output


def test_discord_joins_the_parts_of_a_channel_and_leaves_joins_out(write: Write, invoke: Callable[..., Result]) -> None:
    def part(number: int, *told: dict[str, Any]) -> Path:
        head = {"guild": {"id": "1", "name": "Club"}, "channel": {"id": "22", "type": "GuildTextChat", "name": "talk"}}
        return write(f"discord/talk [part {number}].json", {**head, "messages": [*told]})

    def told(content: str, kind: str = "Default", **author: Any) -> dict[str, Any]:
        person = {"id": "5", "name": "ana_r", "nickname": "Ana", "isBot": False, "roles": []} | author
        return {
            "id": content,
            "type": kind,
            "timestamp": "2023-11-15T00:13:20.5+02:00",
            "content": content,
            "author": person,
        }

    part(1, told(GRAZ), told("Joined the server.", "GuildMemberJoin"))
    bot: dict[str, Any] = {"isBot": True, "nickname": "Chef", "id": "6"}
    ben: dict[str, Any] = {"nickname": "Ben", "id": "7"}
    path = part(2, told(GRAZ), told(LENTILS, **bot), told("yes", "Reply", **ben))
    invoke("discord", path.parent, "--me", "ana")
    assert said("discord-22") == [("ana", GRAZ), ("assistant", LENTILS), ("ben", "yes")]
    assert stored("discord-22")[0]["title"] == "Club / talk"


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("chatgpt", "{", "damaged"),
        ("chatgpt", [], "no such conversation"),
        ("claude", [chatgpt(*ASKED)], "no such conversation"),
        ("telegram", [1, None, "x"], "no such conversation"),
        ("slack", {"a": 1}, "no such conversation"),
        ("discord", {"messages": 3}, "no such conversation"),
    ],
)
def test_what_is_no_such_export_is_one_clear_line(
    kind: str, content: object, reason: str, write: Write, invoke: Callable[..., Result]
) -> None:
    found = invoke(kind, write("x.json", content))
    assert found.exit_code == 1
    assert found.output.startswith("Error: ")
    assert reason in found.output
    assert not Path("omoide.db").exists()


def test_an_export_of_another_program_without_from_says_what_reads_it(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["import", str(write("chat.txt", WHATSAPP))])
    assert done.exit_code == 1
    assert "line 1: not an Omoide export" in done.output
    assert done.output.endswith("; --from whatsapp reads it\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "chatgpt"], "--workspace"),
        (["--me", "ana"], "--from"),
        (["--dry-run"], "--from"),
        ([], "is a folder"),
        (["--from", "chatgpt", "--workspace", "w", "--as", "x"], "--as"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(arguments: list[str], reason: str, tmp_path: Path) -> None:
    found = CliRunner().invoke(main, ["import", str(tmp_path), *arguments])
    assert found.exit_code == 2
    assert reason in found.output


def test_a_later_export_leaves_the_metadata_of_a_peer_that_a_speaker_was_merged_into(
    write: Write, invoke: Callable[..., Result]
) -> None:
    path = write("WhatsApp Chat with Ben (1).txt", WHATSAPP)
    assert invoke("whatsapp", path, "--me", "Ana Ruiz").exit_code == 0
    server = Server(Path("omoide.db").absolute())
    with server.client() as client:
        client.post("/v3/workspaces/w/peers", json={"id": "ben", "metadata": {"email": "ben@example.org"}})
        client.post("/v3/workspaces/w/peers/ben-muller/merge", json={"into": "ben"}).raise_for_status()
        kept = client.post("/v3/workspaces/w/peers", json={"id": "ben"}).json()["metadata"]
    server.stop()
    path.write_text(WHATSAPP + "1/1/24, 12:06\u202fAM - Ben Müller: I moved to Linz.\n", "utf-8")
    assert invoke("whatsapp", path, "--me", "Ana Ruiz").exit_code == 0
    store = open_store(Path("omoide.db"), durability="normal", busy_timeout=5, wal_limit_bytes=10**8)
    ben = read_now(store, peers.find, "w", "ben")
    store.close()
    assert ben is not None
    assert ben.metadata == kept
    assert kept["email"] == "ben@example.org"
    assert "I moved to Linz." in [text for _, text in said("whatsapp-whatsapp-chat-with-ben")]
