"""Mail, as mailboxes (mbox) and files of a message (eml). A session is a thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from omoide.core.lazy_import import lazy_import
from omoide.text_extraction.exports.conversation import Conversation, LeftOut, Report
from omoide.text_extraction.exports.files import DAMAGED, ExportFile, visible

with lazy_import(
    "omoide.text_extraction.mail.mailbox", "omoide.text_extraction.mail.message", "omoide.text_extraction.mail.threads"
):
    from omoide.text_extraction.mail import mailbox, message, threads

BULK = LeftOut("mail", " in bulk (newsletters, automatic replies)")
UNWANTED = LeftOut("mail", " in spam, in drafts or deleted")
QUOTED = LeftOut("mail", " without words of the sender (only quoted, or only attachments)")
DAMAGED_MAIL = LeftOut("damaged mail")
ATTACHMENT = LeftOut("attachment")
_ENDINGS = frozenset({".eml", ".emlx", ".mbox", ".mbx"})
_MAILDIR = frozenset({"cur", "new"})
"""Folders whose files are messages, whatever their names."""


def mail(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    found = {each.id: each for file in visible(files) for each in _mails(file, report)}
    wanted = [each for each in found.values() if not _is_left_out(each, report)]
    named = threads.speakers(wanted)
    report.aliases.update(threads.aliases(wanted, named))
    for id, thread in threads.threads(wanted).items():
        turns = [threads.turn(each, named) for each in thread if each.text]
        left_out = Counter({QUOTED: len(thread) - len(turns), ATTACHMENT: sum(each.attachments for each in thread)})
        subject = next((each.subject for each in thread if each.subject), "")
        yield Conversation(id, subject, turns, +left_out)


def _is_left_out(mail: message.Mail, report: Report) -> bool:
    reason = UNWANTED if mail.is_unwanted else BULK if mail.is_bulk else None
    if reason is not None:
        report.left_out[reason] += 1
    return reason is not None


def _mails(file: ExportFile, report: Report) -> Iterator[message.Mail]:
    """The mails of a file; in a folder, files of other kinds are skipped."""
    suffix = file.name.suffix.lower()
    try:
        with file.open() as opened:
            is_box = opened.read(len(mailbox.START)) == mailbox.START
        if not is_box and suffix not in _ENDINGS and file.name.parent.name not in _MAILDIR | {""}:
            return
        with file.open() as opened:
            parts = mailbox.messages(opened) if is_box else [mailbox.without_apple_frame(opened.read())]
            for data in parts:
                if (read := _parsed(data)) is not None:
                    yield read
                elif is_box:
                    report.left_out[DAMAGED_MAIL] += 1
                else:
                    report.unreadable.append(str(file.name))
    except DAMAGED:
        report.unreadable.append(str(file.name))


def _parsed(data: bytes) -> message.Mail | None:
    try:
        return message.parse(data)
    except DAMAGED:
        return None
