"""Extract the text of a PDF with pypdf, under resource limits.

A PDF of a few kilobytes can expand to gigabytes or keep a parser busy for hours. Every expansion is limited here.
Extraction is CPU-bound, so callers keep it off the event loop.
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

from omoide.core.errors import TooLarge, Unprocessable
from omoide.core.lazy_import import lazy_import
from omoide.fairness.thread_pool import checkpoint, paused_clock

with lazy_import("pypdf"):
    import pypdf

# pypdf logs every irregularity of a file, with content of the file; a hostile file can cause any number.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

# The header of a PDF; parsers commonly accept junk before it, within the first kilobyte.
HEAD = b"%PDF-"
HEAD_WITHIN = 1_024

# Exceptions that pypdf raises for damaged files in addition to its own.
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
"""pypdf's output for text in a font that the page lacks."""

_SHOWS_TEXT = re.compile(rb"[)>\]]\s*(?:T[jJ]|['\"])(?![^\s()<>\[\]/%])").search
"""The end of a string or array of strings, and an operator that shows it."""


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """Limits of extraction; exceeding one raises TooLarge.

    `characters` limits the extracted text, `stream_bytes` one decompressed stream, `stream_elements` the operators and
    operands of one stream, `seconds` the total time.
    """

    pages: int = 2_000
    characters: int = 5_242_880
    stream_bytes: int = 8_000_000
    stream_elements: int = 500_000
    seconds: float = 20.0


class _Meter:
    """Enforces the limits during extraction, also within a page, by raising TooLarge.

    pypdf swallows exceptions while it draws a form. So once a limit is exceeded, every further check raises, including
    the one after the page.
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
            self._over = f"The PDF contains more than {self.limits.characters} characters of text"
        elif self._clock() > self._deadline:
            self._over = f"The PDF takes more than {self.limits.seconds:g} seconds to read"
        if self._over:
            raise TooLarge(self._over)

    def before_operator(self, *_: object) -> None:
        """pypdf's visitor, called before each operator."""
        self.check()

    def on_text(self, text: str, *_: object) -> None:
        """pypdf's visitor, called with each piece of text."""
        self._this_page += len(text)
        self.check()

    def after_page(self, text: str) -> None:
        """Count a page by its extracted text."""
        self._earlier_pages += len(text)
        self._this_page = 0
        self.check()


def pdf_text(data: bytes, limits: PdfLimits, *, clock: Callable[[], float] | None = None) -> str:
    """`[Page n]` and the text of each page that has text, separated by blank lines; `n` counts from 1.

    Opens files that are encrypted with the empty password, as viewers do. Raises Unprocessable for a PDF that is
    damaged, password-protected or without text, and TooLarge for one beyond `limits`.
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
    """A clock in seconds that excludes the time for which this thread yielded to other work."""
    paused = paused_clock()
    return lambda: time.monotonic() - paused()


def _why_without_text(data: bytes, meter: _Meter) -> str:
    """The error message for a PDF without extractable text."""
    with _faults("The PDF is damaged and cannot be read"):
        reader = _watched(_unlocked(pypdf.PdfReader(io.BytesIO(data))), meter)
        if any(_shows_text(page) for page in reader.pages):
            return "The PDF contains no readable text: a page may lack the fonts"
    return "The PDF contains no text; scanned pages are not supported"


def _shows_text(page: pypdf.PageObject) -> bool:
    """Whether a page, or a form it references, has an operator that shows text."""
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
        raise TooLarge(f"The PDF has {count} pages; the limit is {meter.limits.pages}")
    for number in range(1, count + 1):
        with _faults(f"Page {number} of the PDF is damaged and cannot be read"):
            text = _page_text(reader.pages[number - 1], meter)
        meter.after_page(text)
        if not _UNREADABLE(text):
            yield number, text


def _unlocked(reader: pypdf.PdfReader) -> pypdf.PdfReader:
    # Viewers try the empty password too.
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unprocessable("The PDF is password-protected")
    return reader


def _watched(reader: pypdf.PdfReader, meter: _Meter) -> pypdf.PdfReader:
    """Make the reader check the limits at every object lookup."""
    look_up = reader.get_object

    def watched(reference: Any) -> Any:
        meter.check()
        return look_up(reference)

    reader.get_object = watched  # type: ignore[method-assign, assignment]
    return reader


def _declared_pages(reader: pypdf.PdfReader) -> int:
    """The page count that the file declares; counting the pages would read each of them."""
    pages: Any = reader.root_object["/Pages"]
    declared = pages.get("/Count")
    return int(declared) if isinstance(declared, int) else 0


def _page_text(page: pypdf.PageObject, meter: _Meter) -> str:
    if _draws_forms(page):
        return page.extract_text(visitor_operand_before=meter.before_operator, visitor_text=meter.on_text).strip()
    # One stream of limited size. With visitors, pypdf would not skip a stream without text.
    return page.extract_text().strip()


def _draws_forms(page: pypdf.PageObject) -> bool:
    """Whether the page may draw forms, which can draw further forms and so expand without bound."""
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
    """Translate pypdf's exceptions into TooLarge and Unprocessable."""
    try:
        yield
    except pypdf.errors.LimitReachedError as error:
        raise TooLarge("The PDF expands beyond a limit") from error
    except pypdf.errors.DependencyError as error:
        raise Unprocessable("The PDF uses unsupported encryption or compression") from error
    except (pypdf.errors.PyPdfError, *_DAMAGE) as error:
        raise Unprocessable(complaint) from error
