"""The text of a PDF, page by page, read with pypdf under limits.

A PDF is a program of sorts: a few kilobytes can unfold to gigabytes or keep a reader busy for hours. Every unfolding
is limited here; reading still takes CPU, so callers keep it off the event loop.
"""

from __future__ import annotations

import io
import logging
import re
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from omoide.deferred import deferred
from omoide.errors import TooLarge, Unprocessable
from omoide.lane_threads import checkpoint, paused_clock

with deferred("pypdf"):
    import pypdf

# It logs every oddity of a file, in words of the file, and there is no end to them in a hostile one.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

# The head of every PDF; readers commonly forgive junk before it, within the first kilobyte.
HEAD = b"%PDF-"
HEAD_WITHIN = 1_024

# What pypdf lets through on damaged files beside its own errors.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


_UNREADABLE = re.compile(r"[\s\ufffd]*").fullmatch
"""What pypdf gives for text in a font that the page does not have."""

_SHOWS_TEXT = re.compile(rb"[)>\]]\s*(?:T[jJ]|['\"])(?![^\s()<>\[\]/%])").search
"""A string or an array of them, and the operator that shows it."""


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """How far a PDF may unfold.

    `characters` counts the extracted text, `stream_bytes` one unpacked stream, `stream_elements` the operators and
    operands of one stream. Beyond any of them a PDF is TooLarge, as it is after `seconds` of reading.
    """

    pages: int = 2_000
    characters: int = 5_242_880
    stream_bytes: int = 8_000_000
    stream_elements: int = 500_000
    seconds: float = 20.0


class _Meter:
    """Watches one reading, from within a page too, and stops it by raising TooLarge.

    pypdf drops what is raised while it draws a form. So the meter, once over, raises at every further look, and
    `check` after the page has the last word.
    """

    def __init__(self, limits: PdfLimits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self._deadline = clock() + limits.seconds
        self._earlier_pages = 0
        self._this_page = 0
        self._over = ""

    def check(self) -> None:
        checkpoint()
        if self._earlier_pages + self._this_page > self.limits.characters:
            self._over = f"The PDF holds more than {self.limits.characters} characters of text"
        elif self._clock() > self._deadline:
            self._over = f"The PDF takes more than {self.limits.seconds:g} seconds to read"
        if self._over:
            raise TooLarge(self._over)

    def before_operator(self, *_: object) -> None:
        """Called by pypdf before each operator of a watched page."""
        self.check()

    def on_text(self, text: str, *_: object) -> None:
        """Called by pypdf with each stretch of text of a watched page."""
        self._this_page += len(text)
        self.check()

    def after_page(self, text: str) -> None:
        """Counts a page by the text that it really gave."""
        self._earlier_pages += len(text)
        self._this_page = 0
        self.check()


def pdf_text(data: bytes, limits: PdfLimits, *, clock: Callable[[], float] | None = None) -> str:
    """`[Page n]` and its text for each page that has any, parted by blank lines; `n` counts from 1.

    Opens files that are encrypted without a password, as viewers do. Raises Unprocessable for a PDF that is damaged,
    protected by a password or without text, and TooLarge for one beyond `limits`.
    """
    meter = _Meter(limits, clock or _clock())
    with pypdf.apply_configuration(
        zlib_maximum_output_length=limits.stream_bytes,
        lzw_maximum_output_length=limits.stream_bytes,
        run_length_maximum_output_length=limits.stream_bytes,
        array_based_stream_maximum_output_length=limits.stream_bytes,
        stream_parsing_work_maximum_count=limits.stream_elements,
    ):
        text = "\n\n".join(f"[Page {number}]\n{page}" for number, page in _pages(data, meter))
        if not text:
            raise Unprocessable(_why_without_text(data, meter))
    return text


def _clock() -> Callable[[], float]:
    """Seconds, less those for which this thread made room for other work."""
    paused = paused_clock()
    return lambda: time.monotonic() - paused()


def _why_without_text(data: bytes, meter: _Meter) -> str:
    """The complaint about a PDF that gave no text."""
    with _faults("The PDF is damaged and cannot be read"):
        reader = _watched(_unlocked(pypdf.PdfReader(io.BytesIO(data))), meter)
        if any(_shows_text(page) for page in reader.pages):
            return "The PDF holds no text that can be read: a page may lack the fonts of its text"
    return "The PDF holds no text; scanned pages are not recognized"


def _shows_text(page: pypdf.PageObject) -> bool:
    """Whether a page, or a form that it may draw, has an operator that shows text."""
    streams: list[Any] = [page.get_contents()]
    with suppress(pypdf.errors.PyPdfError, *_DAMAGE):
        resources: Any = page["/Resources"]
        drawn = [form.get_object() for form in resources["/XObject"].values()]
        streams += [form for form in drawn if form["/Subtype"] == "/Form"]
    return any(stream is not None and _SHOWS_TEXT(stream.get_data()) for stream in streams)


def _pages(data: bytes, meter: _Meter) -> Iterator[tuple[int, str]]:
    """Number and text of each page that has text."""
    with _faults("The PDF is damaged and cannot be read"):
        reader = _watched(_unlocked(pypdf.PdfReader(io.BytesIO(data))), meter)
        count = _declared_pages(reader)
        count = count if count > meter.limits.pages else len(reader.pages)
    if count > meter.limits.pages:
        raise TooLarge(f"The PDF has {count} pages; at most {meter.limits.pages} are read")
    for number in range(1, count + 1):
        with _faults(f"Page {number} of the PDF is damaged and cannot be read"):
            text = _page_text(reader.pages[number - 1], meter)
        meter.after_page(text)
        if not _UNREADABLE(text):
            yield number, text


def _unlocked(reader: pypdf.PdfReader) -> pypdf.PdfReader:
    # The empty password is the one that viewers try by themselves.
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unprocessable("The PDF is protected by a password")
    return reader


def _watched(reader: pypdf.PdfReader, meter: _Meter) -> pypdf.PdfReader:
    """The same reader, whose time counts with every object that it looks up."""
    look_up = reader.get_object

    def watched(reference: Any) -> Any:
        meter.check()
        return look_up(reference)

    reader.get_object = watched  # type: ignore[method-assign, assignment]
    return reader


def _declared_pages(reader: pypdf.PdfReader) -> int:
    """How many pages the file says that it has; finding them takes a look at each."""
    pages: Any = reader.root_object["/Pages"]
    declared = pages.get("/Count")
    return int(declared) if isinstance(declared, int) else 0


def _page_text(page: pypdf.PageObject, meter: _Meter) -> str:
    if _draws_forms(page):
        return page.extract_text(visitor_operand_before=meter.before_operator, visitor_text=meter.on_text).strip()
    # One stream of limited size, which pypdf skips when it shows no text. Being watched, it would not be skipped.
    return page.extract_text().strip()


def _draws_forms(page: pypdf.PageObject) -> bool:
    """Whether the page may draw forms: streams that draw further ones, and so can multiply without end."""
    try:
        resources: Any = page["/Resources"]
        drawn = resources["/XObject"]
        return any(form.get_object()["/Subtype"] == "/Form" for form in drawn.values())
    except KeyError:
        return False
    except (pypdf.errors.PyPdfError, *_DAMAGE):
        return True


@contextmanager
def _faults(complaint: str) -> Iterator[None]:
    """Turns every fault of pypdf into one of ours."""
    try:
        yield
    except pypdf.errors.LimitReachedError as error:
        raise TooLarge("The PDF unfolds to more than can be read") from error
    except pypdf.errors.DependencyError as error:
        raise Unprocessable("The PDF is encrypted or packed in a way that cannot be read") from error
    except (pypdf.errors.PyPdfError, *_DAMAGE) as error:
        raise Unprocessable(complaint) from error
