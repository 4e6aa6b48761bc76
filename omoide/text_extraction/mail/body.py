"""The text of a mail: of its plain part, or else of its HTML; other parts are attachments, which are counted."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple

from omoide.core.errors import Unprocessable
from omoide.core.lazy_import import lazy_import
from omoide.text_extraction import charsets

with lazy_import("bs4", "markdownify"):
    import bs4
    import markdownify

MOST_MARKUP = 500_000
"""Characters of HTML that are read: each element takes some 30 µs."""

_inline_data = re.compile(r"data:[\w/+.-]+;base64,[\w+/=\s]+")
_WIDER = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}
"""Charsets that are often declared for a text in a larger one."""

_SIGNED = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_NO_TEXT = ("script", "style", "head", "title", "template", ".moz-signature", ".gmail_signature")
_QUOTED_FROM = "#appendonsend, #divRplyFwdMsg"
"""Elements of Outlook after which everything is quoted."""
_CELLS = ("table", "tbody", "thead", "tfoot", "tr", "td", "th", "center")
_LEFT_AS_TEXT = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "u",
    "s",
    "del",
    "code",
    "sup",
    "sub",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
]
_blank_lines = re.compile(r"\n{3,}")
_declaration = re.compile(r"\s*<\?xml[^>]*>")


class MailText(NamedTuple):
    text: str
    attachments: int


def body(message: Message) -> MailText:
    found, attachments = _read(message)
    return MailText("\n".join(text for text, _ in found), attachments)


Texts = list[tuple[str, bool]]
"""Texts, and whether each was HTML."""


def _read(part: Message) -> tuple[Texts, int]:
    kind = part.get_content_type()
    if kind in _SIGNED:
        return [], 0
    if part.get_content_disposition() == "attachment" or part.get_filename() or kind.startswith("message/"):
        return [], 1
    if not part.is_multipart():
        if kind not in ("text/plain", "text/html"):
            return [], 1
        text = _decoded(part)
        return ([(html_text(text), True)] if kind == "text/html" else [(_unflowed(text, part), False)]), 0
    read = [_read(each) for each in _parts(part)]
    attachments = sum(count for _, count in read)
    texts = [text for found, _ in read for text in found]
    if kind == "multipart/alternative":
        plain = [text for text in texts if not text[1] and text[0].strip()]
        return plain[:1] or texts[-1:], attachments
    return texts, attachments


def _parts(part: Message) -> Iterator[Message]:
    inner = part.get_payload()
    return (each for each in inner if isinstance(each, Message)) if isinstance(inner, list) else iter(())


def _decoded(part: Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    declared = part.get_content_charset()
    try:
        name = codecs.lookup(declared).name if declared else None
        if name and not (name == "ascii" and not data.isascii()):
            return data.decode(_WIDER.get(name, name))
    except (LookupError, ValueError):
        pass
    try:
        return charsets.decode(data, None)
    except Unprocessable:  # binary data that is declared as text
        return ""


def _unflowed(text: str, part: Message) -> str:
    """Paragraphs of format=flowed (RFC 3676) on one line each, as they were written."""
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    is_split = str(part.get_param("delsp", "")).lower() == "yes"
    lines: list[str] = []
    is_open = False
    for stuffed in text.splitlines():
        line = stuffed.removeprefix(" ")
        is_alone = line.startswith(">") or line == "-- " or not line.strip()
        if is_open and not is_alone:
            lines[-1] = (lines[-1][:-1] if is_split else lines[-1]) + line
        else:
            lines.append(line)
        is_open = line.endswith(" ") and not is_alone
    return "\n".join(lines)


def html_text(markup: str) -> str:
    """The text of HTML; quotations are marked as in plain text."""
    if "<" not in markup:
        return html.unescape(markup)
    markup = _inline_data.sub("", _declaration.sub("", markup, count=1))
    soup = bs4.BeautifulSoup(markup[:MOST_MARKUP], "html.parser")
    for each in soup.select(", ".join(_NO_TEXT)):
        each.decompose()
    for each in soup.select(_QUOTED_FROM):
        for after in [*each.find_all_next()]:
            after.decompose()
        each.decompose()
    for each in soup.find_all(_CELLS):
        each.name = "div"
    try:
        text = str(
            markdownify.MarkdownConverter(
                strip=["img", *_LEFT_AS_TEXT],
                escape_asterisks=False,
                escape_underscores=False,
                escape_misc=False,
                wrap=False,
            ).convert_soup(soup)
        )
    except RecursionError:
        text = soup.get_text("\n")
    lines = (line.replace("\xa0", " ").rstrip() for line in text.splitlines())
    return _blank_lines.sub("\n\n", "\n".join(lines)).strip()
