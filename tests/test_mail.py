"""Mail gives what its sender wrote: not what is quoted, signed, attached, or sent in bulk."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest
from click.testing import CliRunner

from omoide.cli.main import main
from omoide.storage import messages, sessions
from omoide.storage.engine import open_store
from omoide.text_extraction.extractor import pieces
from omoide.text_extraction.mail import body, mailbox, message, quotation
from tests.read_now import read_now

GRAZ = "I moved to Graz."

QUOTED = {
    "English": f"{GRAZ}\n\nOn Mon, Jan 1, 2024 at 10:00 AM Ben <ben@y.org>\nwrote:\n\n> I own a castle.\n",
    "German": f"{GRAZ}\n\nAm 01.01.24 um 10:00 schrieb Ben:\n> Ich habe ein Schloss.\n",
    "French": f"{GRAZ}\n\nLe lun. 1 janv. 2024 à 10:00, Ben <ben@y.org> a écrit :\n> J'ai un château.\n",
    "Outlook": f"{GRAZ}\n\n________________________________\nFrom: Ben\nSent: Monday\nTo: Ana\n\nCastle.",
    "Outlook, German": f"{GRAZ}\n\nVon: Ben\nGesendet: Montag\nAn: Ana\nBetreff: x\n\nIch habe ein Schloss.",
    "original message": f"{GRAZ}\n\n-----Original Message-----\nCastle.",
    "forwarded": f"{GRAZ}\n\n---------- Forwarded message ---------\nFrom: Ben\nI own a castle.",
    "forwarded by Apple": f"{GRAZ}\n\nBegin forwarded message:\n\nI own a castle.",
    "below the quotation": f"On Mon, Ben wrote:\n> I own a castle.\n\n{GRAZ}",
    "signature": f"{GRAZ}\n-- \nAna Ruiz\nCastle Street 1",
    "closing": f"{GRAZ}\n\nBest regards,\nAna Ruiz\nCastle Street 1",
    "closing, German": f"{GRAZ}\n\nMit freundlichen Grüßen\nAna Ruiz",
    "phone": f"{GRAZ}\n\nSent from my iPhone",
    "footer of a list": f"{GRAZ}\n_______________________________________________\nlist mailing list\nlist@castle.org",
}


@pytest.mark.parametrize("name", [*QUOTED])
def test_only_what_the_sender_wrote_is_kept(name: str) -> None:
    assert quotation.spoken(QUOTED[name]) == GRAZ


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, I got it. I moved to Graz.\n\nThe flat is small, but the kitchen has a window.",
        "On Monday I wrote:\na poem.",
        "From: the start I liked it.",
        "Dear Ben,\n\nkind regards from Graz, where it rains.",
        "- one\n- two",
    ],
)
def test_what_only_looks_like_a_quotation_is_kept(text: str) -> None:
    assert quotation.spoken(text) == text


def test_an_answer_between_quotations_is_kept() -> None:
    text = "Am Montag schrieb Ben Müller:\n> Wo wohnst du?\nIn Graz.\n> Was isst du?\nLinsen.\n"
    assert quotation.spoken(text) == "In Graz.\nLinsen."


def parsed(*headers: str, text: str = GRAZ, data: bytes | None = None) -> message.Mail:
    head = "\r\n".join(("From: Ana Ruiz <ana@x.org>", "Date: Mon, 1 Jan 2024 10:00:00 +0100", *headers))
    found = message.parse(head.encode() + b"\r\n\r\n" + (data if data is not None else text.encode()))
    assert found is not None
    return found


def test_headers_are_unfolded_and_decoded() -> None:
    mail = parsed(
        "Subject: Re: =?utf-8?Q?Caf=C3=A9?=\r\n =?iso-8859-1?Q?_am_D=F6m?=",
        "References: <1@x>\r\n <2@x>",
        "In-Reply-To: <2@x>",
        "Message-ID: <3@x>",
    )
    assert (mail.subject, mail.id, mail.references) == ("Café am Döm", "3@x", ["1@x", "2@x", "2@x"])
    assert (mail.said_at, mail.utc_offset) == (1_704_099_600_000_000, 60)


@pytest.mark.parametrize(
    ("declared", "data", "expected"),
    [
        ("text/plain; charset=iso-8859-1", "Größe – 5 €".encode("cp1252"), "Größe – 5 €"),
        ("text/plain; charset=us-ascii", "Größe".encode(), "Größe"),
        ("text/plain; charset=gb2312", "龍年快樂，一切順利".encode("gb18030"), "龍年快樂，一切順利"),
        ("text/plain; charset=no-such", "Größe".encode(), "Größe"),
        ("text/plain; charset=utf-8; format=flowed", b"I moved \nto Graz.\n", GRAZ),
        (
            "text/html; charset=utf-8",
            b"<style>p{}</style><p>I moved<br>to&nbsp;Graz &amp; more</p>",
            "I moved\nto Graz & more",
        ),
    ],
)
def test_bodies_are_decoded_as_they_are_meant(declared: str, data: bytes, expected: str) -> None:
    assert parsed(f"Content-Type: {declared}", data=data).text == expected


def test_the_plain_part_is_preferred_and_attachments_are_counted() -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Ana <ana@x.org>", "x"
    mail.set_content(GRAZ)
    mail.add_alternative("<p>I moved to <b>Linz</b>.</p>", subtype="html")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="x.pdf")
    inner = EmailMessage()
    inner.set_content("I own a castle.")
    mail.add_attachment(inner)
    found = message.parse(mail.as_bytes())
    assert found is not None
    assert (found.text, found.attachments) == (GRAZ, 2)


def test_html_quotations_are_left_out_but_not_answers_between_them() -> None:
    markup = """<div>I moved to Graz.</div><div class="gmail_quote"><div class="gmail_attr">On Mon, Jan 1, 2024
        Ben &lt;ben@y.org&gt; wrote:<br></div><blockquote class="gmail_quote">I own a castle.</blockquote>
        <div>Me too.</div></div>"""
    assert quotation.spoken(body.html_text(markup)) == "I moved to Graz.\n\nMe too."
    outlook = '<p>I moved to Graz.</p><div id="appendonsend"></div><hr><div>From: Ben</div><p>I own a castle.</p>'
    assert quotation.spoken(body.html_text(outlook)) == GRAZ


@pytest.mark.parametrize("markup", ["<div>" * 3_000 + GRAZ, f"{GRAZ} <", f"<?xml version='1.0'?><p>{GRAZ}"])
def test_odd_html_loses_no_text(markup: str) -> None:
    assert GRAZ in body.html_text(markup)


@pytest.mark.parametrize(
    ("headers", "is_bulk", "is_unwanted"),
    [
        (["List-Unsubscribe: <https://x>"], True, False),
        (["Precedence: bulk"], True, False),
        (["Auto-Submitted: auto-replied"], True, False),
        (["Auto-Submitted: no"], False, False),
        (["Precedence: list", "List-Post: <mailto:list@x.org>", "List-Unsubscribe: <https://x>"], False, False),
        (["X-Gmail-Labels: Important,Spam"], False, True),
        (["X-Mozilla-Status: 0009"], False, True),
    ],
)
def test_bulk_and_unwanted_mail_is_recognized(headers: list[str], is_bulk: bool, is_unwanted: bool) -> None:
    found = parsed(*headers)
    assert (found.is_bulk, found.is_unwanted) == (is_bulk, is_unwanted)


def test_a_mailbox_is_split_at_separators_only() -> None:
    lines = b"From - Mon Jan  1 10:00:00 2024\nFrom: a\n\nx\n\nFrom here it goes on.\n>From me\n\n"
    lines += b"From 12@xxx Tue Jan 02 10:00:00 +0000 2024\nFrom: b\n\ny\n"
    found = [*mailbox.messages(lines.splitlines(keepends=True))]
    assert found == [b"From: a\n\nx\n\nFrom here it goes on.\nFrom me\n\n", b"From: b\n\ny\n"]


MAILS = [
    ("Ana Ruiz <ana@x.org>", "1@x", "", GRAZ, "Subject: Dinner"),
    ('"Ruiz, Ana" <ana.ruiz@work.com>', "3@w", "<1@x> <2@y>", "I am vegan.", ""),
    ("Ben <ben@y.org>", "2@y", "<1@x>", "Great!\n\nOn Mon, Ana wrote:\n> I moved to Graz.", ""),
    ("ben@y.org", "4@y", "<missing@y>", "Are you there?", ""),
    ("Shop <news@shop.com>", "5@s", "", "Buy!", "List-Unsubscribe: <https://s>"),
    ("Cleo <cleo@z.org>", "6@z", "", "> only quoted", ""),
]


def raw(number: int) -> str:
    sender, id, references, text, more = MAILS[number]
    head = [f"From: {sender}", f"Date: Mon, 1 Jan 2024 1{number}:00:00 +0000", f"Message-ID: <{id}>", more]
    return "\n".join(filter(None, [*head, references and f"References: {references}"])) + f"\n\n{text}\n"


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_mailbox_becomes_threads_of_people_with_their_several_addresses(
    is_folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "in"
    if is_folder:
        path.mkdir()
        for number in range(len(MAILS)):
            (path / f"{number}.eml").write_text(raw(number))
        (path / "notes.txt").write_text("no mail")
    else:
        path.write_text("\n".join(f"From x Mon Jan  1 10:00:00 2024\n{raw(n)}" for n in [*range(len(MAILS)), 0]))
    arguments = ["import", str(path), "--from", "mail", "--workspace", "w", "--me", "ana@x.org"]
    found = CliRunner().invoke(main, arguments)
    assert "ana-ruiz: 2 messages\nben: 2 messages" in found.output, found.output
    assert "Left out: 1 mail in bulk" in found.output
    assert "Left out: 1 mail without words of the sender" in found.output
    assert "No speaker" not in found.output
    assert "Imported 0 messages" in CliRunner().invoke(main, arguments).output
    store = open_store(Path("omoide.db"), durability="normal", busy_timeout=5, wal_limit_bytes=10**8)
    thread, other = (read_now(store, sessions.get, "w", id) for id in ("mail-1-x", "mail-missing-y"))
    said = [(each.peer_id, each.content) for each in read_now(store, messages.through, thread.pk, 1, 10)]
    store.close()
    assert thread.metadata == {"source": "mail", "title": "Dinner"}
    assert said == [("ana-ruiz", GRAZ), ("ana-ruiz", "I am vegan."), ("ben", "Great!")]
    assert other.id == "mail-missing-y"


@pytest.mark.parametrize("content_type", ["message/rfc822", "application/octet-stream", "text/plain", ""])
def test_an_uploaded_mail_is_what_its_sender_wrote(content_type: str) -> None:
    (piece,) = pieces(raw(2).encode(), content_type, "x.eml", limit=1_000)
    assert piece.turn is not None
    assert (piece.turn.speaker, piece.text) == ("Ben", "Great!")


def test_an_uploaded_mail_that_only_quotes_is_kept_whole_and_other_text_as_it_is() -> None:
    assert [text for text, _ in pieces(raw(5).encode(), "message/rfc822", "x.eml", limit=1_000)] == ["> only quoted"]
    assert [text for text, _ in pieces(raw(4).encode(), "message/rfc822", "x.eml", limit=1_000)] == ["Buy!"]
    assert pieces(b"no mail", None, "x.eml", limit=1_000) == [("no mail", None)]
