"""Exported conversations are split into their turns, by speaker and time; other files are left as they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from omoide.core.errors import TooLarge
from omoide.text_extraction import extractor
from omoide.text_extraction.chats import detection
from omoide.text_extraction.chats.speakers import peer_ids
from omoide.text_extraction.extractor import Piece, pieces

Spoken = tuple[str, str, str | None]
GRAZ, LENTILS = "I live in Graz and I am vegan.", "I recommend lentil soup."


def spoken(found: list[Piece]) -> list[Spoken]:
    """Speaker, text, and time to the minute."""
    return [(turn.speaker, text, minute(turn.said_at)) for text, turn in found if turn is not None]


def minute(said_at: int | None) -> str | None:
    return None if said_at is None else datetime.fromtimestamp(said_at / 1e6, UTC).strftime("%Y-%m-%d %H:%M")


def of_json(document: object) -> list[Spoken]:
    return spoken(pieces(json.dumps(document).encode(), "application/json", "a.json", limit=1_000))


def of_lines(text: str) -> list[Spoken]:
    return spoken(pieces(text.encode(), "text/plain", "a.txt", limit=1_000))


def node(id: str, parent: str | None, role: str | None, text: str = "", **more: Any) -> dict[str, Any]:
    message = {
        "author": {"role": role},
        "create_time": 1_700_000_001.5,
        "content": {"content_type": "text", "parts": [text]},
        **more,
    }
    return {"id": id, "parent": parent, "message": role and message}


def chatgpt(*nodes: dict[str, Any], last: str) -> list[dict[str, Any]]:
    return [
        {"title": None, "create_time": 1.7e9, "mapping": {each["id"]: each for each in nodes}, "current_node": last}
    ]


def test_the_current_branch_of_a_chatgpt_export_is_used() -> None:
    hidden = {"metadata": {"is_visually_hidden_from_conversation": True}}
    nodes = [
        node("root", None, None),
        node("hidden", "root", "system", "Be nice", **hidden),
        node("asked", "hidden", "user", GRAZ),
        node("first", "asked", "assistant", "Eat meat."),
        node("call", "asked", "assistant", '{"query": 1}', recipient="web"),
        node("tool", "call", "tool", "results"),
        node("second", "tool", "assistant", LENTILS),
    ]
    at = "2023-11-14 22:13"
    assert of_json(chatgpt(*nodes, last="second")) == [("user", GRAZ, at), ("assistant", LENTILS, at)]


SLACK = {"type": "message", "ts": "1700000000.000200"}
JSON_CHATS: dict[str, tuple[Any, list[Spoken]]] = {
    "Claude": (
        [
            {
                "uuid": "x",
                "chat_messages": [
                    {
                        "sender": "human",
                        "text": GRAZ,
                        "content": [{"type": "text", "text": GRAZ}],
                        "created_at": "2024-03-01T10:00:00.123456Z",
                    },
                    {"sender": "assistant", "text": LENTILS, "created_at": "2024-03-01T10:00:05Z"},
                ],
            }
        ],
        [("user", GRAZ, "2024-03-01 10:00"), ("assistant", LENTILS, "2024-03-01 10:00")],
    ),
    "LibreChat": (
        {
            "conversationId": "x",
            "messages": [
                {
                    "sender": "Ana",
                    "isCreatedByUser": True,
                    "text": GRAZ,
                    "createdAt": "2024-03-01T10:00:00Z",
                    "children": [{"sender": "GPT-4", "isCreatedByUser": False, "text": LENTILS}],
                }
            ],
        },
        [("user", GRAZ, "2024-03-01 10:00"), ("assistant", LENTILS, None)],
    ),
    "Slack": (
        [
            {**SLACK, "user": "U1", "text": "hi <@U2>, <https://a.b|this> &amp; that", "user_profile": {"name": "ana"}},
            {**SLACK, "user": "U2", "text": "yes", "user_profile": {"real_name": "Ben", "display_name": ""}},
            {**SLACK, "user": "U3", "text": "<@U3> has joined the channel", "subtype": "channel_join"},
        ],
        [("ana", "hi @Ben, this (https://a.b) & that", "2023-11-14 22:13"), ("Ben", "yes", "2023-11-14 22:13")],
    ),
    "Telegram": (
        {
            "name": "Ben",
            "messages": [
                {"type": "service", "actor": "Ana", "from": "Ana", "text": "", "date": "2023-05-03T21:00:00"},
                {"type": "message", "from": "Ana", "text": ["I moved to ", {"type": "bold", "text": "Graz"}, "!"]}
                | {"date": "2023-05-03T21:14:09"},
            ],
        },
        [("Ana", "I moved to Graz!", "2023-05-03 21:14")],
    ),
    "Discord": (
        {
            "guild": {"name": "g"},
            "messages": [
                {"author": {"name": "ana", "nickname": "Ana R", "isBot": False}, "content": GRAZ}
                | {"timestamp": "2023-05-03T21:14:09.1+02:00"},
                {"author": {"name": "Mee6", "isBot": True}, "content": "beep"},
            ],
        },
        [("Ana R", GRAZ, "2023-05-03 19:14"), ("assistant", "beep", None)],
    ),
    "Messenger, newest first": (
        {
            "messages": [
                {"sender_name": "Ben", "content": "ok", "timestamp_ms": 1_683_141_309_000},
                {
                    "sender_name": "Ana Gonz\u00c3\u00a1lez",
                    "content": "Caf\u00c3\u00a9",
                    "timestamp_ms": 1_683_141_249_000,
                },
            ]
        },
        [("Ana González", "Café", "2023-05-03 19:14"), ("Ben", "ok", "2023-05-03 19:15")],
    ),
    "roles": (
        [
            {"role": "system", "content": "Be nice"},
            {"role": "user", "content": [{"type": "text", "text": GRAZ}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": None, "tool_calls": []},
        ],
        [("user", GRAZ, None)],
    ),
    "DeepSeek": (
        chatgpt(
            {"id": "a", "parent": None, "message": {"fragments": [{"type": "REQUEST", "content": GRAZ}]}},
            {
                "id": "b",
                "parent": "a",
                "message": {
                    "fragments": [{"type": "THINK", "content": "hm"}, {"type": "RESPONSE", "content": LENTILS}]
                },
            },
            last="b",
        ),
        [("user", GRAZ, "2023-11-14 22:13"), ("assistant", LENTILS, "2023-11-14 22:13")],
    ),
    "wrapped messages": (
        {"conversations": [{"responses": [{"response": {"message": GRAZ, "sender": "human"}}]}]},
        [("user", GRAZ, None)],
    ),
    "own messages by a flag": (
        {
            "messages": [
                {"from_me": True, "sender": "x", "body": GRAZ},
                {"from_me": False, "sender": "Ben", "body": "ok"},
            ]
        },
        [("user", GRAZ, None), ("Ben", "ok", None)],
    ),
    "a character": (
        [{"name": "Ana", "is_user": True, "mes": GRAZ}, {"name": "Sera", "is_user": False, "mes": LENTILS}],
        [("user", GRAZ, None), ("Sera", LENTILS, None)],
    ),
    "Mem0": (
        {
            "results": [
                {"id": "m", "memory": "Lives in Graz", "user_id": "ana", "created_at": "2023-07-26T08:43:32-07:00"}
            ]
        },
        [("ana", "Lives in Graz", "2023-07-26 15:43")],
    ),
    "the memory server of MCP": (
        [
            {"type": "entity", "name": "default_user", "entityType": "person", "observations": ["Lives in Graz"]},
            {"type": "entity", "name": "Siemens", "entityType": "company", "observations": ["Builds trains"]},
            {"type": "relation", "from": "default_user", "to": "Siemens", "relationType": "works_at"},
        ],
        [
            ("user", "Lives in Graz", None),
            ("user", "Siemens (company): Builds trains", None),
            ("user", "the user works at Siemens", None),
        ],
    ),
    "training data": (
        [{"conversations": [{"from": "human", "value": GRAZ}, {"from": "gpt", "value": LENTILS}]}],
        [("user", GRAZ, None), ("assistant", LENTILS, None)],
    ),
}


@pytest.mark.parametrize("name", [*JSON_CHATS])
def test_exports_as_json_are_recognized(name: str) -> None:
    document, expected = JSON_CHATS[name]
    assert of_json(document) == expected


def test_lines_of_json_are_recognized() -> None:
    lines = "\n".join(json.dumps({"messages": [{"role": "user", "content": text}]}) for text in ("one", "two"))
    assert of_lines(lines) == [("user", "one", None), ("user", "two", None)]


def test_a_chat_of_sillytavern_keeps_chosen_versions_and_each_form_of_time() -> None:
    head = {"user_name": "Ana", "character_name": "Sera", "create_date": "2024-1-5@09h05m03s", "chat_metadata": {}}
    sera = {"name": "Sera", "is_user": False, "is_system": False}
    lines = [
        head,
        {**sera, "mes": "Hi {{user}}.", "send_date": "January 5, 2024 9:05am", "swipes": ["Go.", "Hi {{user}}."]},
        {"name": "Ana", "is_user": True, "mes": GRAZ, "send_date": "2024-01-05 @09h 06m 33s 123ms"},
        {
            **sera,
            "mes": "",
            "swipes": ["a", f"<think>hm</think>{LENTILS}"],
            "swipe_id": 1,
            "send_date": 1_704_445_680_000,
        },
        {**sera, "mes": "Muted.", "is_system": True, "send_date": "2024-01-05T09:08:01Z"},
        {**sera, "name": "System", "mes": "Night falls.", "extra": {"type": "narrator"}},
        {**sera, "name": "Rook", "mes": "Caw.", "send_date": "2024-01-05T09:09:00.000Z"},
    ]
    assert of_lines("\n".join(map(json.dumps, lines))) == [
        ("Sera", "Hi Ana.", "2024-01-05 09:05"),
        ("user", GRAZ, "2024-01-05 09:06"),
        ("Sera", LENTILS, "2024-01-05 09:08"),
        ("Rook", "Caw.", "2024-01-05 09:09"),
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_json_that_is_declared_as_text_is_recognized(indent: int | None) -> None:
    document = {"messages": [{"role": "user", "content": "one"}]}
    for each in (document, [document]):
        assert of_lines(json.dumps(each, indent=indent)) == [("user", "one", None)]


LINE_CHATS = {
    "iOS": "[03.05.23, 21:14:09] Ana: I moved\nto Graz\n[03.05.23, 21:15:33] Ben: ok\n"
    "[03.05.23, 21:16:10] Ben: <Media omitted>",
    "iOS, American": "\u200e[5/3/23, 9:14:09\u202fPM] Ana: I moved\nto Graz\n[5/3/23, 9:15:33\u202fPM] Ben: ok",
    "Android": "03/05/2023, 21:10 - Messages and calls are end-to-end encrypted.\n"
    "03/05/2023, 21:14 - Ana: I moved\nto Graz\n03/05/2023, 21:15 - Ben: ok\n03/05/2023, 21:16 - Ben added Cleo",
    "Android, American": "5/3/23, 9:14 PM - Ana: I moved\nto Graz\n5/3/23, 9:15 PM - Ben: ok",
    "Android, German": "03.05.23, 21:14 - Ana: I moved\nto Graz\n03.05.23, 21:15 - Ben: ok",
    "Android, Spanish": "3/5/23, 9:14 p. m. - Ana: I moved\nto Graz\n3/5/23, 9:15 p. m. - Ben: ok",
    "Chinese": "[2023/5/3 下午9:14:09] Ana: I moved\nto Graz\n[2023/5/3 下午9:15:09] Ben: ok",
    "Korean": "2023. 5. 3. 오후 9:14, Ana : I moved\nto Graz\n2023. 5. 3. 오후 9:15, Ben : ok",
    "log": "[2023-05-03 21:14] <Ana> I moved\nto Graz\n[2023-05-03 21:15] <Ben> ok",
    "Android, French": "03/05/2023 à 21:14 - Ana: I moved\nto Graz\n03/05/2023 à 21:15 - Ben: ok",
    "Android, Indian": "03/05/23, 9:14 pm - Ana: I moved\nto Graz\n03/05/23, 9:15 pm - Ben: ok",
    "Android, Finnish": "3.5.2023 klo 21.14 - Ana: I moved\nto Graz\n3.5.2023 klo 21.15 - Ben: ok",
    "Android, Dutch": "03-05-2023 21:14 - Ana: I moved\nto Graz\n03-05-2023 21:15 - Ben: ok",
    "iOS, Brazilian": "[03/05/2023 21:14:09] Ana: I moved\nto Graz\n[03/05/2023 21:15:09] Ben: ok",
    "Arabic": "٣/٥/٢٠٢٣، ٩:١٤ م - Ana: I moved\nto Graz\n٣/٥/٢٠٢٣، ٩:١٥ م - Ben: ok",
    "a group": "".join(f"03/05/23, 21:1{n} - Ana added P{n}\n" for n in range(2))
    + "03/05/23, 21:13 - Ana created group “x”\n03/05/23, 21:13 - Cleo left\n"
    "03/05/23, 21:14 - Ana: I moved\nto Graz\n03/05/23, 21:15 - Ben: ok",
    "KakaoTalk, mobile": "2023년 5월 3일 오후 9:14, Ana : I moved\nto Graz\n2023년 5월 3일 오후 9:15, Ben : ok",
    "KakaoTalk": "--------------- 2023년 5월 3일 수요일 ---------------\n"
    "[Ana] [오후 9:14] I moved\nto Graz\n[Ben] [오후 9:15] ok",
    "LINE": "[LINE] Benとのトーク履歴\n保存日時：2024/01/01\n\n2023/05/03(水)\n"
    "21:14\tAna\tI moved\nto Graz\n21:15\tBen\tok",
    "CSV": "AuthorID,Author,Date,Content\n"
    '1,Ana,2023-05-03T21:14:09+00:00,"I moved\nto Graz"\n2,Ben,2023-05-03 21:15,ok',
    "Telegram, copied": "Ana, [03.05.2023 21:14]\nI moved\nto Graz\n\nBen, [03.05.2023 21:15]:\nok",
}


@pytest.mark.parametrize("name", [*LINE_CHATS])
def test_exports_as_lines_are_recognized(name: str) -> None:
    expected = [("Ana", "I moved\nto Graz", "2023-05-03 21:14"), ("Ben", "ok", "2023-05-03 21:15")]
    assert of_lines(LINE_CHATS[name]) == expected


def test_the_order_of_day_and_month_is_that_of_the_whole_file() -> None:
    assert [time for *_, time in of_lines("1/2/23, 09:00 - A: x\n1/13/23, 09:00 - B: y")] == [
        "2023-01-02 09:00",
        "2023-01-13 09:00",
    ]
    assert [time for *_, time in of_lines("1/3/23, 09:00 - A: x\n2/3/23, 09:00 - B: y")] == [
        "2023-03-01 09:00",
        "2023-03-02 09:00",
    ]


def test_a_transcript_needs_repeated_speakers() -> None:
    text = "**You:** hi\n\n**ChatGPT:** hello\n\n**You:** I am vegan\n\n**ChatGPT:** noted"
    assert [speaker for speaker, *_ in of_lines(text)] == ["user", "assistant", "user", "assistant"]
    assert [speaker for speaker, *_ in of_lines("Ana: a\nBen: b\nAna: c\nBen: d")] == ["Ana", "Ben", "Ana", "Ben"]


NO_CHATS = {
    "a log": "2024-05-01 12:00:00 - ERROR: foo\n2024-05-01 12:00:01 - INFO: bar",
    "a log of PHP": "[2024-05-01 12:00:00] production.ERROR: foo\n[2024-05-01 12:00:01] production.INFO: bar",
    "a log with addresses": "\n".join(f"2024-05-01 12:00:0{n} Connection from 10.0.0.{n}: refused" for n in range(8)),
    "a log of states": "\n".join(f"2024-05-01 12:00:0{n} started {n}" for n in range(8))
    + "\n2024-05-01 12:00:09 a: b" * 2,
    "CSV": "user,body,stars\nben,good,5\nal,bad,1",
    "a recipe": "Ingredients: flour\nTime: 10 minutes\nServes: 4\nNote: good",
    "YAML": "name: x\nvalue: y\nname: z\nvalue: w",
    "a letter": "Dear all: this is a letter.\n\nIt is long.",
    "a diary": "03.05.2023 I moved to Graz.\n04.05.2023 I bought a bed.",
    "nothing": "\n\n",
}


@pytest.mark.parametrize("name", [*NO_CHATS])
def test_other_text_is_one_text(name: str) -> None:
    assert pieces(NO_CHATS[name].encode(), "text/plain", "a.txt", limit=1_000) == [Piece(NO_CHATS[name])]


@pytest.mark.parametrize(
    "document",
    [
        {"name": "Chair", "price": 3, "reviews": [{"author": "Ben", "text": "good"}, {"author": "Al", "text": "bad"}]},
        [{"name": "a", "value": "b"}, {"name": "c", "text": "d"}],
        {"user": "ana", "settings": {"from": 1, "text": 2}},
        [{"role": "admin", "value": "x"}, {"role": "editor", "value": "y"}],
        {"messages": []},
        [{"model": "X1", "memory": "16 GB", "user": {"rating": 5}}],
        [],
        "role",
    ],
)
def test_other_json_is_one_document(document: object) -> None:
    written = json.dumps(document)
    assert pieces(written.encode(), "application/json", "a.json", limit=1_000) == [Piece(written)]


def test_a_large_export_is_read_in_a_subprocess() -> None:
    document = [{"role": "user", "content": f"{number} " * 200} for number in range(1_000)]
    written = json.dumps(document)
    assert len(written) > detection.LARGE_CHARACTERS
    assert [turn.text for turn in detection.of_json(written)] == [each["content"] for each in document]


def test_a_conversation_of_too_many_messages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractor, "MOST_TURNS", 1)
    with pytest.raises(TooLarge, match="2 messages; the limit is 1"):
        of_json([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])


@pytest.mark.parametrize("depth", [50, 900, 100_000])
def test_nested_values_are_no_conversation(depth: int) -> None:
    assert detection.of_json('{"from":' + "[" * depth + "]" * depth + "}") == []


@pytest.mark.parametrize(
    ("uploader", "names", "expected"),
    [
        ("ana", ["Ana Ruiz", "Ben"], {"Ana Ruiz": "ana", "Ben": "ben"}),
        ("ana_ruiz", ["Ana", "Ben Müller"], {"Ana": "ana_ruiz", "Ben Müller": "ben-muller"}),
        ("ana", ["Ana Ruiz", "Ana Bloch"], {"Ana Ruiz": "ana-ruiz", "Ana Bloch": "ana-bloch"}),
        ("ana", ["Ana", "Ana Bloch"], {"Ana": "ana", "Ana Bloch": "ana-bloch"}),
        ("u1", ["+43 660 123"], {"+43 660 123": "43-660-123"}),
        ("u1", ["user", "assistant"], {"user": "u1", "assistant": "assistant"}),
        ("assistant", ["user", "assistant"], {"user": "user", "assistant": "assistant"}),
        ("u1", ["Søren", "Ben 王", "Ben 李"], {"Søren": "soren", "Ben 王": "ben-d7b624c5", "Ben 李": "ben-adb13954"}),
    ],
)
def test_speakers_become_peers(uploader: str, names: list[str], expected: dict[str, str]) -> None:
    found = peer_ids(uploader, names)
    assert {name: found[name] for name in names} == expected


def test_a_name_without_latin_letters_becomes_a_stable_id() -> None:
    assert peer_ids("ana", ["王小明"])["王小明"] == peer_ids("ben", ["王小明"])["王小明"] == "speaker-acf979cc"
