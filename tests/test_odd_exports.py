"""Odd cases of exports, as the programs really write them: what is talk of whom, and when; the rest is left out."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from omoide.core.errors import Unprocessable
from omoide.services import conversation_import
from omoide.text_extraction.chats import detection
from omoide.text_extraction.exports import kinds, memories, recognition
from omoide.text_extraction.exports.conversation import DAMAGED_LINE, NotSuchExport

Write = Callable[[str, Any], Path]
Spoken = list[tuple[str, str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writing(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    return writing


def planned(kind: str, path: Path, me: str = "ana") -> conversation_import.Plan:
    return conversation_import.plan(kind, kinds.read(kind, path), [me])


def spoken(kind: str, path: Path, me: str = "ana") -> Spoken:
    """Peer and text of all messages."""
    return [(each.peer_id, each.content) for session in planned(kind, path, me).sessions for each in session.messages]


def times(kind: str, path: Path) -> list[str]:
    found = [each.created_at for session in planned(kind, path).sessions for each in session.messages]
    return ["now" if each is None else f"{datetime.fromtimestamp(each / 1e6, UTC):%Y-%m-%d %H:%M}" for each in found]


def turn(role: str, text: str, parent: str | None = None, time: float | None = 1_700_000_000) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    return {"parent": parent, "message": {"author": {"role": role}, "create_time": time, "content": content}}


def gpt(**nodes: dict[str, Any]) -> dict[str, Any]:
    return {"conversation_id": "c", "create_time": 1_600_000_000, "mapping": nodes}


def test_without_a_current_node_the_newest_branch_counts(write: Write) -> None:
    tree = gpt(
        a=turn("user", "I work at Bosch."),
        new=turn("assistant", "Bosch!", "a", 1_700_000_200),
        old=turn("assistant", "Hm.", "a", 1_700_000_100),
    )
    assert spoken("chatgpt", write("c.json", [tree])) == [("ana", "I work at Bosch."), ("assistant", "Bosch!")]


def test_messages_without_a_time_have_that_of_their_conversation(write: Write) -> None:
    tree = gpt(a=turn("user", "hi", None, None), b=turn("assistant", "ho", "a"), c=turn("user", "yes", "b", None))
    assert times("chatgpt", write("c.json", [tree])) == ["2020-09-13 12:26", "2023-11-14 22:13", "2023-11-14 22:13"]


def test_marks_of_references_are_removed_and_names_of_things_stay(write: Write) -> None:
    marked = (
        'Visit \ue200entity\ue202["city","Graz","Austria"]\ue201 \ue200cite\ue202turn0search3\ue202turn0search5\ue201, '
        "see \ue200url\ue202the map\ue202turn0search1\ue201 and the guide【4:0†guide.pdf】. A†B stays."
    )
    tree = gpt(a=turn("user", "Where?"), b=turn("assistant", marked, "a"))
    assert spoken("chatgpt", write("c.json", [tree]))[1][1] == ("Visit Graz, see the map and the guide. A†B stays.")


def claude(uuid: str, sender: str, text: str, parent: str, minute: int) -> dict[str, Any]:
    at = f"2025-06-01T10:{minute:02}:00Z"
    return {"uuid": uuid, "sender": sender, "text": text, "created_at": at, "parent_message_uuid": parent}


def test_of_a_message_that_was_edited_in_claude_the_last_version_counts(write: Write) -> None:
    root = "00000000-0000-4000-8000-000000000000"
    messages = [
        claude("a", "human", "I live in Linz.", root, 1),
        claude("b", "assistant", "Nice.", "a", 2),
        claude("c", "human", "First version.", "b", 3),
        claude("d", "assistant", "Noted.", "c", 4),
        claude("e", "human", "Last version.", "b", 5),
        claude("lost", "human", "Its parent is missing.", "gone", 0),
    ]
    path = write("c.json", [{"uuid": "u", "chat_messages": messages}])
    said = ["I live in Linz.", "Nice.", "Last version.", "Its parent is missing."]
    assert [text for _, text in spoken("claude", path)] == said


def test_a_damaged_line_of_a_chat_is_reported_and_the_others_are_read(write: Write) -> None:
    head = {"user_name": "Ana", "character_name": "Sera", "chat_metadata": {}}
    lines = [json.dumps(head), json.dumps({"name": "Ana", "is_user": True, "mes": "I keep bees."}), '{"name": "Se']
    path = write("Sera.jsonl", "\n".join(lines))
    assert spoken("sillytavern", path) == [("ana", "I keep bees.")]
    assert kinds.read("sillytavern", path).left_out() == {DAMAGED_LINE: 1}
    with pytest.raises(Unprocessable, match="Line 3 of the conversation is damaged"):
        detection.of_text("\n".join(lines))


IOS = """\
\u200e[31.12.24, 23:58:01] Club: \u200eNachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.
\u200e[31.12.24, 23:58:10] ~\u202fBen: \u200e~\u202fBen ist dieser Gruppe über den Einladungslink beigetreten.
[31.12.24, 23:59:59] Ana: Guten Rutsch!

Zweiter Absatz: mit Doppelpunkt
[01.01.25, 00:00:03] ~\u202fBen: Danke 🎉 \u200e<Diese Nachricht wurde bearbeitet.>
\u200e[01.01.25, 00:00:09] ~\u202fBen: \u200e<Anhang: 00000012-PHOTO.jpg>
[01.01.25, 00:01:00] Ana: Schau mal: \u200e<Anhang: 00000013-PHOTO.jpg>
[01.01.25, 00:01:30] Ana: Vertrag.pdf • \u200e3 Seiten \u200eDokument weggelassen
\u200e[01.01.25, 00:03:00] ~\u202fBen: \u200eUMFRAGE:
Was kochen wir?
\u200eOPTION: Linsen (2 Stimmen)
"""


def test_what_whatsapp_for_ios_generates_is_left_out_in_any_language(write: Write) -> None:
    assert spoken("whatsapp", write("_chat.txt", IOS.replace("\n", "\r\n"))) == [
        ("ana", "Guten Rutsch!\n\nZweiter Absatz: mit Doppelpunkt"),
        ("ben", "Danke 🎉"),
        ("ana", "Schau mal:"),
        ("ben", "UMFRAGE:\nWas kochen wir?\nOPTION: Linsen (2 Stimmen)"),
    ]


ANDROID = """\
1/2/24, 11:59\u202fPM - Cleo created group "Books: 2024"
1/3/24, 12:00\u202fAM - Cleo: Midnight - hello: all
1/3/24, 12:31\u202fPM - Cleo: IMG-20240103-WA0001.jpg (file attached)
look at this soup
1/3/24, 12:34\u202fPM - Ana: I moved to Graz <This message was edited>
1/3/24, 12:37\u202fPM - Cleo changed the subject from "Books: 2024" to "Readers: old"
1/3/24, 12:38\u202fPM - Cleo hat die Gruppe „Plan: B“ erstellt
1/3/24, 12:39\u202fPM - ד"ר דוד: שלום
1/3/24, 12:40\u202fPM - Cleo: Waiting for this message. This may take a while.
1/3/24, 12:41\u202fPM - Cleo: Missed voice call, were you asleep?
1/3/24, 12:42\u202fPM - Cleo: Missed voice call
"""


def test_a_colon_in_a_line_of_the_program_makes_no_speaker(write: Write) -> None:
    assert [text for _, text in spoken("whatsapp", write("chat.txt", ANDROID))] == [
        "Midnight - hello: all",
        "look at this soup",
        "I moved to Graz",
        "שלום",
        "Missed voice call, were you asleep?",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "5/1/2567 14:03 - ",  # Thai years
        "۱۴۰۲/۱۰/۱۵،\u200f ۱۴:۰۳ - ",  # the Persian calendar
        "5/1/24, 2:03 μ.μ. - ",
        "14:03, 05/01/2024 - ",
        "\u200f٥\u200f/١\u200f/٢٠٢٤، ٢:٠٣ م - ",
        "05.01.24 г., 14:03 ч. - ",
        "2024. 01. 05. 14:03 - ",
        "2024/1/5 下午2:03 - ",
        "[5/1/24, 2:03:10\u202fp.\u00a0m.] ",
    ],
)
def test_dates_of_whatsapp_are_read_as_written(line: str, write: Write) -> None:
    path = write("chat.txt", f"{line}Ana: hi\n{line}Ben: ho\n")
    assert times("whatsapp", path) == ["2024-01-05 14:03"] * 2


def test_a_folder_of_archives_is_read_and_a_damaged_one_reported(write: Write, tmp_path: Path) -> None:
    for name in ("Ben", "Cleo"):
        with zipfile.ZipFile(tmp_path / f"WhatsApp Chat - {name}.zip", "w") as archive:
            archive.writestr("_chat.txt", f"[03.05.23, 21:14:09] Ana: hi\n[03.05.23, 21:15:33] {name}: ok\n")
            archive.writestr("notes.txt", b"\x89PNG" + bytes(range(256)))
    cut = write("Dora.zip", (tmp_path / "WhatsApp Chat - Ben.zip").read_bytes()[:-30])
    assert {each.id for each in planned("whatsapp", tmp_path).sessions} == {
        "whatsapp-whatsapp-chat---ben",
        "whatsapp-whatsapp-chat---cleo",
    }
    assert f"{tmp_path.name}/Dora.zip" in kinds.read("whatsapp", tmp_path).report.unreadable
    with pytest.raises(NotSuchExport, match="damaged archive"):
        kinds.read("whatsapp", cut)


def telegram(name: str | None, id: str, text: Any, **more: Any) -> dict[str, Any]:
    at = {"date": "2024-01-05T14:00:00", "date_unixtime": "1704459600"}
    return {"type": "message", **at, "from": name, "from_id": id, "text": text, **more}


GROUP = [
    telegram("Ben", "user2", "one"),
    telegram("Ben", "user3", "other"),
    telegram("Ben", "user2", "copied", forwarded_from="Newspaper"),
    telegram("Ben", "user2", "hidden", forwarded_from=None),
    telegram("Ben", "user2", "own", forwarded_from="Ben"),
    telegram("Ben", "user2", "", poll={"question": "When?", "answers": [{"text": "Sat"}, {"text": "Sun"}]}),
]
BOT = [telegram("Ana", "user1", "/start"), telegram("Weather", "user77", "It is sunny.")]
ACCOUNT = {
    "chats": {
        "list": [
            {"id": 5, "name": "Group", "type": "private_group", "messages": GROUP},
            {"id": 77, "name": "Weather", "type": "bot_chat", "messages": BOT},
        ]
    },
    "left_chats": {"list": 3},
}
SAID_IN_TELEGRAM = [
    ("ben-user2", "one"),
    ("ben-user3", "other"),
    ("ben-user2", "own"),
    ("ben-user2", "When?\n- Sat\n- Sun"),
    ("ana", "/start"),
    ("assistant", "It is sunny."),
]


def test_telegram_tells_namesakes_apart_and_nobody_said_what_was_forwarded(write: Write) -> None:
    assert spoken("telegram", write("result.json", ACCOUNT)) == SAID_IN_TELEGRAM
    uploaded = [each for each in detection.of_json(json.dumps(ACCOUNT)) if each.text]
    assert [each.text for each in uploaded] == [text for _, text in SAID_IN_TELEGRAM]
    assert [each.speaker for each in uploaded[:2]] == ["Ben (user2)", "Ben (user3)"]


def test_discord_makes_words_of_its_marks_in_an_upload_too(write: Write) -> None:
    def told(content: str, id: str, kind: str = "Default") -> dict[str, Any]:
        author = {"id": id, "name": f"ben{id}", "nickname": "Ben"}
        return {"id": content, "type": kind, "timestamp": "2024-01-05T14:00:00Z", "content": content, "author": author}

    messages = [told("hi <:bee:12> <a:wave:34> <t:1704459600:R>", "1"), told("ho", "2"), told("Boosted!", "1", "8")]
    document = {"guild": {"name": "g"}, "channel": {"id": "9"}, "messages": messages}
    expected = [("ben-1", "hi :bee: :wave: 2024-01-05"), ("ben-2", "ho")]
    assert spoken("discord", write("d.json", document)) == expected
    uploaded = [each for each in detection.of_json(json.dumps(document)) if each.text]
    assert [(each.speaker, each.text) for each in uploaded] == [
        ("Ben (1)", expected[0][1]),
        ("Ben (2)", expected[1][1]),
    ]


def test_slack_keeps_only_what_somebody_wrote_and_unfolds_its_marks(write: Write) -> None:
    def told(text: str, number: int, user: str = "U1", **more: Any) -> dict[str, Any]:
        return {"type": "message", "user": user, "ts": f"170446320{number}.0", "text": text, **more}

    named = {"real_name": "Ben Smith", "display_name": ""}
    users = [{"id": id, "name": name, "profile": named} for id, name in (("U1", "ben"), ("U2", "ben2"))]
    write("s/users.json", users)
    marked = "<!channel> see <#C2|misc> or <mailto:a@x.org|a@x.org> <!subteam^S1|@devs> <!date^17^{date}|Jan 5> &lt;3"
    messages = [
        told("later", 3, "U2"),
        told(marked, 1),
        told("was deleted", 2, "USLACKBOT", subtype="tombstone"),
        told("set up a reminder", 2, subtype="reminder_add"),
        told("", 2, files=[{"id": "F"}]),
        told("build passed", 4, subtype="bot_message", username="CI", bot_id="B"),
    ]
    path = write("s/general/2024-01-05.json", messages).parents[1]
    assert spoken("slack", path) == [
        ("ben-smith-ben", "@channel see misc or a@x.org @devs Jan 5 <3"),
        ("ben-smith-ben2", "later"),
        ("assistant", "build passed"),
    ]


def test_a_mail_that_cannot_be_read_loses_no_other_one(write: Write) -> None:
    def mail(number: int, text: str, head: str = "") -> str:
        return (
            f"From a@x.org Fri Jan 05 14:00:00 2024\nFrom: a@x.org\nSubject: s{number}\nMessage-ID: <{number}@x>\n"
            f"Date: Fri, 5 Jan 2024 14:00:00 +0000\n{head}\n{text}\n\n"
        )

    garbage = "Content-Type: text/plain; charset=nonsense\nContent-Transfer-Encoding: base64\n"
    box = (
        mail(1, "I own a canoe.")
        + mail(2, "AAECAwQFBgcQERITFBUWFxgZAAECAwQFBgcQERITFBU=", garbage)
        + mail(3, "And oars.")
    )
    path = write("all.mbox", box)
    assert [text for _, text in spoken("mail", path, "a@x.org")] == ["I own a canoe.", "And oars."]


def test_notes_keep_their_time_without_valid_properties_and_leave_settings_out(write: Write) -> None:
    board = "---\ncreated: 2023-12-01 10:00\nbad: [open\n---\n## To do\n- paint %%now%% it\n\n%% kanban:settings\n"
    write("v/board.md", board + '```\n{"kanban-plugin": "basic"}\n```\n%%\nend\n')
    path = write("v/picture.md", b"\x89PNG\r\n" + bytes(range(256)) * 4).parent
    assert spoken("obsidian", path) == [("ana", "## To do\n- paint  it\n\nend")]
    assert times("obsidian", path) == ["2023-12-01 10:00"]
    assert kinds.read("obsidian", path).report.unreadable == ["v/picture.md"]


OPEN_MEMORY = {
    "user": {"id": "0d4b", "user_id": "ana"},
    "apps": [{"id": "ap", "name": "cursor"}],
    "memories": [
        {"id": "1", "user_id": "0d4b", "app_id": "ap", "content": "Works at Siemens", "state": "active"},
        {"id": "2", "user_id": "0d4b", "app_id": "ap", "content": "old", "state": "deleted"},
    ],
}


def test_open_memory_names_its_user_and_apps_and_counts_what_it_deleted(write: Write) -> None:
    found = memories.read("mem0", write("memories.json", OPEN_MEMORY))
    (held,) = found.statements
    assert (held.about, held.text, held.metadata["app_id"]) == ("ana", "Works at Siemens", "cursor")
    assert found.report.left_out == {memories.NO_STATEMENT: 1}


def test_a_cut_graph_keeps_its_intact_lines(write: Write) -> None:
    entity = {"type": "entity", "name": "Ana", "entityType": "person", "observations": ["Lives in Graz", ""]}
    found = memories.read("mcp-memory", write("memory.jsonl", f'{json.dumps(entity)}\n{{"type": "rel'))
    assert [each.text for each in found.statements] == ["Lives in Graz"]
    assert found.report.left_out == {memories.NO_STATEMENT: 1, DAMAGED_LINE: 1}


@pytest.mark.parametrize(
    ("kind", "document", "right"),
    [
        ("claude", [gpt(a=turn("user", "hi"))], "chatgpt"),
        ("discord", ACCOUNT, "telegram"),
        ("telegram", OPEN_MEMORY, "mem0"),
        ("markdown", {"id": 1, "name": "g", "messages": GROUP}, "telegram"),
    ],
)
def test_an_export_of_another_program_is_refused_and_the_right_kind_named(
    kind: str, document: Any, right: str, write: Write
) -> None:
    path = write("export.json", document)
    with pytest.raises(NotSuchExport):
        kinds.read(kind, path)
    assert recognition.other_kinds(kind, path) == [right]


@pytest.mark.parametrize(
    "document",
    [
        [1, {"user_name": "Ana", "character_name": "S"}, {"mes": "x", "is_user": True, "extra": {"type": []}}],
        {
            "results": [{"memory": "x", "user_id": "a", "state": [1]}, {"memory": "y", "user_id": {}}],
            "user": {"id": []},
        },
        {"messages": [{"from": ["x"], "from_id": 3, "text": {"a": 1}, "poll": {"question": "q", "answers": 3}}]},
        {"guild": {}, "messages": [None, {"author": 3, "content": [], "type": None}]},
        {"mapping": {"a": None, "b": {"parent": ["a"], "message": {"author": None}}}, "current_node": {}},
        [{"uuid": "a", "parent_message_uuid": "a", "sender": None, "text": 1}],
    ],
)
def test_values_of_the_wrong_type_are_no_error(document: Any) -> None:
    assert isinstance(detection.of_json(json.dumps(document)), list)
