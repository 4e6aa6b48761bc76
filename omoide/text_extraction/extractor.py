"""Convert an uploaded file (bytes) to message texts.

Detects the file type, extracts the text and splits it. Uses no store, request or disk; the size limit is checked where
the file is received.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from enum import Enum
from pathlib import PurePosixPath
from typing import NamedTuple, TypeVar

from omoide.core.errors import TooLarge, Unavailable, Unprocessable, UnsupportedMediaType
from omoide.core.lazy_import import lazy_import
from omoide.fairness.thread_pool import resting
from omoide.text_extraction import charsets, json_normalization
from omoide.text_extraction.chats import detection
from omoide.text_extraction.chats.turn import ChatTurn
from omoide.text_extraction.pdf import HEAD, HEAD_WITHIN, PdfLimits, pdf_text

_MAIL = "omoide.text_extraction.mail"
with lazy_import(f"{_MAIL}.mailbox", f"{_MAIL}.message", f"{_MAIL}.threads"):
    from omoide.text_extraction.mail import mailbox, message, threads

T = TypeVar("T")

MOST_TURNS = 10_000
"""Messages of an exported conversation; storing them takes about a second."""

# Listed in the 415 response. Other text types are accepted too (see below), without a guarantee.
SUPPORTED_TYPES = ["application/pdf", "application/json", "text/*"]

# Uninformative content types: the filename decides.
_UNTOLD_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})

_MAIL_TYPES = frozenset({"message/rfc822", "message/global", "application/mbox"})
_MAIL_EXTENSIONS = frozenset({".eml", ".emlx", ".mbox"})
_LOOSE_TYPES = _UNTOLD_TYPES | {"text/plain"}

# Text types other than text/*.
_TEXT_TYPES = frozenset(
    {
        "application/csv",
        "application/javascript",
        "application/jsonl",
        "application/sql",
        "application/toml",
        "application/x-ndjson",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
    }
)
_TEXT_EXTENSIONS = frozenset(
    {".txt", ".text", ".md", ".markdown", ".rst", ".adoc", ".org", ".tex", ".csv", ".tsv", ".log", ".srt", ".vtt"}
    | {".jsonl", ".ndjson", ".yaml", ".yml", ".toml", ".ini", ".xml", ".html", ".htm", ".sql", ".py", ".js"}
)

# Magic numbers of common binary formats.
_BINARY_HEADS = {
    b"\x89PNG\r\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\x1f\x8b\x08": "a gzip archive",
}

# Where a text may be split, in order of preference; the split is after the delimiter.
_DELIMITERS = ("\n\n", "\n", ". ", " ")


class FileType(Enum):
    """How a file is read."""

    TEXT = "text"
    JSON = "JSON"
    PDF = "PDF"
    MAIL = "mail"


class Piece(NamedTuple):
    """Text for one message; of an exported conversation, a part of the `turn`."""

    text: str
    turn: ChatTurn | None = None


def pieces(
    data: bytes, content_type: str | None, filename: str | None, *, limit: int, pdf_limits: PdfLimits | None = None
) -> list[Piece]:
    """The text of a file in pieces of at most `limit` characters; an empty file gives one empty piece.

    An exported conversation is split into its turns; what is no talk, as a photo or a system message, is left out.
    Raises the errors of `extract`, and TooLarge. CPU-bound: takes seconds for a large PDF.
    """
    kind = detect_file_type(data, content_type, filename)
    text = _decoded(data, kind, content_type, pdf_limits)
    turns = _mail_turns(data) if kind is FileType.MAIL else _turns(text, kind)
    if len(turns) > MOST_TURNS:
        raise TooLarge(f"The conversation has {len(turns):,} messages; the limit is {MOST_TURNS:,}. Split the file.")
    return of_turns(turns, limit) or [Piece(part) for part in split(storable(_normalized(text, kind)), limit)]


def of_turns(turns: Iterable[ChatTurn], limit: int) -> list[Piece]:
    """What was said in turns, in pieces of at most `limit` characters."""
    spoken = ((turn, said) for turn in turns if (said := storable(turn.text)).strip())
    return [Piece(part, turn) for turn, said in spoken for part in split(said, limit)]


def extract(data: bytes, content_type: str | None, filename: str | None, *, pdf_limits: PdfLimits | None = None) -> str:
    """The text of a file, without NUL characters and encodable as UTF-8.

    Raises UnsupportedMediaType for an unsupported file type or charset, Unprocessable for a file that is damaged or
    differs from its declared type, and TooLarge for a PDF beyond `pdf_limits`.
    """
    kind = detect_file_type(data, content_type, filename)
    return storable(_normalized(_decoded(data, kind, content_type, pdf_limits), kind))


def _decoded(data: bytes, kind: FileType, content_type: str | None, pdf_limits: PdfLimits | None) -> str:
    match kind:
        case FileType.PDF:
            return pdf_text(data, pdf_limits or PdfLimits())
        case FileType.JSON:
            return _json_text(data, charsets.declared_charset(content_type))
        case FileType.TEXT | FileType.MAIL:
            return charsets.decode(data, charsets.declared_charset(content_type))


def _turns(text: str, kind: FileType) -> list[ChatTurn]:
    match kind:
        case FileType.PDF | FileType.MAIL:
            return []
        case FileType.JSON:
            return _while_resting(detection.of_json, text)
        case FileType.TEXT:
            return _while_resting(detection.of_text, text)


def _mail_turns(data: bytes) -> list[ChatTurn]:
    """What the senders of a mail, or of a mailbox, wrote; newsletters and the like only of a file with one mail."""
    parsed = filter(None, map(message.parse, mailbox.files_messages(data)))
    mails = [*{each.id: each for each in parsed}.values()]
    wanted = [each for each in mails if not (each.is_bulk or each.is_unwanted)]
    return threads.uploaded(mails if len(mails) == 1 else wanted)


def _normalized(text: str, kind: FileType) -> str:
    """A JSON document in normalized form (see `json_normalization`), other text as it is."""
    if kind is not FileType.JSON:
        return text
    if not text.strip():
        return ""
    try:
        return _while_resting(json_normalization.normalize, text)
    except ValueError as error:
        raise Unprocessable("Uploaded JSON is invalid") from error
    except json_normalization.Interrupted as error:
        raise Unavailable("The file could not be read: out of memory, or the server is stopping") from error


def detect_file_type(data: bytes, content_type: str | None, filename: str | None) -> FileType:
    """How to read a file, by its content, then its content type, then its extension.

    Content types are compared without case and parameters. Raises UnsupportedMediaType, and Unprocessable if the
    content contradicts the declared type.
    """
    if data.startswith(HEAD):
        return FileType.PDF
    declared = (content_type or "").partition(";")[0].strip().lower()
    if declared in _MAIL_TYPES or (declared in _LOOSE_TYPES and _extension(filename) in _MAIL_EXTENSIONS):
        return FileType.MAIL
    kind = _by_extension(filename) if declared in _UNTOLD_TYPES else _by_media_type(declared)
    if kind is None:
        shown = declared or "unknown"
        raise UnsupportedMediaType(f"Unsupported file type: {shown}. Supported types: {SUPPORTED_TYPES}")
    if kind is FileType.PDF and HEAD not in data[:HEAD_WITHIN]:
        raise Unprocessable("The file is declared as a PDF, but it is empty or something else")
    for head, detected in _BINARY_HEADS.items():
        if kind is not FileType.PDF and data.startswith(head):
            raise Unprocessable(f"The file is declared as {kind.value}, but it is {detected}")
    return kind


def split(text: str, limit: int) -> list[str]:
    """Split `text` into pieces of 1 to `limit` characters, whose concatenation is `text`; an empty text is one piece.

    Each piece but the last ends after the last blank line within the limit, else after the last line, sentence or word,
    else at the limit. Raises ValueError if `limit` is not positive.
    """
    if limit < 1:
        raise ValueError(f"The limit of a piece must be positive, not {limit}")
    result = []
    start = 0
    while len(text) - start > limit:
        end = _cut(text, start, start + limit)
        result.append(text[start:end])
        start = end
    result.append(text[start:])
    return result


def _cut(text: str, start: int, end: int) -> int:
    for delimiter in _DELIMITERS:
        index = text.rfind(delimiter, start, end)
        if index >= 0:
            return index + len(delimiter)
    return end


def _by_media_type(declared: str) -> FileType | None:
    if declared == "application/pdf":
        return FileType.PDF
    if declared == "application/json" or declared.endswith("+json"):
        return FileType.JSON
    if declared.startswith("text/") or declared in _TEXT_TYPES:
        return FileType.TEXT
    return None


def _by_extension(filename: str | None) -> FileType | None:
    extension = _extension(filename)
    if extension == ".pdf":
        return FileType.PDF
    if extension == ".json":
        return FileType.JSON
    return FileType.TEXT if extension in _TEXT_EXTENSIONS else None


def _extension(filename: str | None) -> str:
    return PurePosixPath((filename or "").lower()).suffix


def _json_text(data: bytes, charset: str | None) -> str:
    is_utf8 = charset in (None, "utf-8", "ascii")
    try:
        return data.decode("utf-8-sig" if is_utf8 else str(charset)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        must = "must be UTF-8 encoded" if is_utf8 else f"must be encoded in their declared charset: {charset}"
        raise Unprocessable(f"JSON uploads {must}") from error


def _while_resting(read: Callable[[str], T], document: str) -> T:
    """Read a document; lets other work run while a subprocess reads a large one."""
    if len(document) < json_normalization.LARGE_CHARACTERS:
        return read(document)
    done: Future[T] = Future()

    def wait() -> None:
        try:
            done.set_result(read(document))
        except Exception as error:
            done.set_exception(error)

    resting(wait)
    return done.result()


def storable(text: str) -> str:
    """`text` without NUL, and with U+FFFD for lone surrogates, which JSON escapes and PDFs can contain."""
    text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
