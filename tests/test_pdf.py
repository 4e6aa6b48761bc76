"""PDFs: text page by page, damage explained, and no file that unfolds beyond the limits."""

from __future__ import annotations

import contextlib
import random
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omoide.core.errors import OmoideError, TooLarge, Unprocessable
from omoide.text_extraction.pdf import PdfLimits, pdf_text
from tests.pdf_files import drawing, encrypted, pdf_drawing, pdf_of, pdf_saying, stream_of

LIMITS = PdfLimits()


def test_each_page_with_text_has_a_head_and_is_parted_by_a_blank_line() -> None:
    data = pdf_saying("Alice lives in Berlin.", "", "She has a cat.")
    assert pdf_text(data, LIMITS) == "[Page 1]\nAlice lives in Berlin.\n\n[Page 3]\nShe has a cat."


def test_text_beyond_ascii_is_read() -> None:
    assert pdf_text(pdf_saying("Müller: 5 € für Käse"), LIMITS) == "[Page 1]\nMüller: 5 € für Käse"


def test_text_inside_forms_is_read() -> None:
    data = pdf_drawing(b"/X0 Do", forms=[b"/X1 Do", drawing("Deep down.")])
    assert pdf_text(data, LIMITS) == "[Page 1]\nDeep down."


def test_a_file_with_a_password_is_refused() -> None:
    with pytest.raises(Unprocessable, match="The PDF is password-protected"):
        pdf_text(encrypted(pdf_saying("Secret."), "tiger"), LIMITS)


def test_an_encrypted_file_that_anyone_may_open_is_read() -> None:
    assert pdf_text(encrypted(pdf_saying("Open."), ""), LIMITS) == "[Page 1]\nOpen."


@pytest.mark.parametrize("data", [pdf_drawing(), pdf_saying(""), pdf_saying("  "), pdf_drawing(b"0 0 m 9 9 l S")])
def test_a_file_without_text_is_refused(data: bytes) -> None:
    with pytest.raises(Unprocessable, match=r"The PDF contains no (readable )?text"):
        pdf_text(data, LIMITS)


@pytest.mark.parametrize(
    ("resources", "content"),
    [
        (b"", drawing("Hello.")),
        (b"/Resources<<>>", drawing("Hello.")),
        (b"/Resources<</ProcSet[/PDF/Text]>>", drawing("Hello.")),
        (b"", b"BT [(Hel) -20 (lo)] TJ ET"),
        (b"", b"BT (Hello)' ET"),
        (b"", b"BT <48656C6C6F> Tj ET"),
    ],
)
def test_a_file_whose_text_has_no_font_is_not_called_scanned(resources: bytes, content: bytes) -> None:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]%s/Contents 4 0 R>>" % resources
    tree = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>", page, stream_of(content)]
    with pytest.raises(Unprocessable, match="a page may lack the fonts") as refused:
        pdf_text(pdf_of(tree), LIMITS)
    assert "scanned" not in refused.value.detail


def test_a_file_that_only_draws_is_called_scanned() -> None:
    with pytest.raises(Unprocessable, match="scanned pages are not supported"):
        pdf_text(pdf_drawing(b"0 0 m 9 9 l S"), LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-",
        b"%PDF-1.7\n%%EOF",
        b"%PDF-1.7\n" + random.Random(1).randbytes(10_000),
        pdf_saying("Cut off.")[:300],
        b"%PDF-1.7\n1 0 obj\n" + b"[" * 100_000,
        b"%PDF-1.7\n1 0 obj\n" + b"<</A " * 100_000,
        pdf_of([b"<</Type/Catalog/Pages 1 0 R>>"]),
        pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[2 0 R]>>"]),
        pdf_of([b"42"]),
    ],
)
def test_a_damaged_file_is_refused(data: bytes) -> None:
    with pytest.raises((Unprocessable, TooLarge), match="The PDF "):
        pdf_text(data, LIMITS)


def test_a_damaged_page_is_named() -> None:
    before, _, after = pdf_saying("Fine.", "Lost.").rpartition(b"/FlateDecode")
    data = before + b"/NobodyPacks" + after
    with pytest.raises(Unprocessable, match="Page 2 of the PDF is damaged and cannot be read"):
        pdf_text(data, LIMITS)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_damage_of_any_kind_is_one_of_our_errors(seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(pdf_drawing(drawing("One."), b"/X0 Do", forms=[drawing("Two.")]))
    for _ in range(chance.choice([1, 3, 20])):
        place, length = chance.randrange(len(data)), chance.randrange(1, 30)
        data[place : place + length] = chance.choice([b"", chance.randbytes(1), data[-place:][:length]])
    said: object = None
    with contextlib.suppress(OmoideError):
        said = pdf_text(bytes(data), LIMITS)
    assert said is None or said


# Files that unfold.


def test_more_pages_than_the_limit_are_refused() -> None:
    data = pdf_saying("One.", "Two.", "Three.")
    assert "[Page 3]" in pdf_text(data, PdfLimits(pages=3))
    with pytest.raises(TooLarge, match="The PDF has 3 pages; the limit is 2"):
        pdf_text(data, PdfLimits(pages=2))


def test_pages_that_a_file_does_not_own_up_to_are_stopped_by_time() -> None:
    ticks = count()
    data = pdf_saying(*["One."] * 50).replace(b"/Count 50", b"/Count 01")
    with pytest.raises(TooLarge, match="The PDF takes more than 30 seconds to read"):
        pdf_text(data, PdfLimits(seconds=30), clock=lambda: float(next(ticks)))
    assert next(ticks) < 50, "not every page was looked at"


def test_more_text_than_the_limit_is_refused() -> None:
    data = pdf_saying("a" * 60, "b" * 60)
    assert pdf_text(data, PdfLimits(characters=120))
    with pytest.raises(TooLarge, match="The PDF contains more than 119 characters of text"):
        pdf_text(data, PdfLimits(characters=119))


def test_forms_that_multiply_are_stopped() -> None:
    ten = b"/X%d Do " * 10
    levels = [ten % ((level + 1,) * 10) for level in range(8)]
    data = pdf_drawing(b"/X0 Do", forms=[*levels, drawing("ha " * 100)])
    assert len(data) < 10_000
    with pytest.raises(TooLarge, match="The PDF contains more than 10000 characters of text"):
        pdf_text(data, PdfLimits(characters=10_000))


def test_a_form_that_draws_itself_ends() -> None:
    data = pdf_drawing(drawing("Once.") + b" /X0 Do", forms=[b"/X0 Do"])
    assert pdf_text(data, LIMITS) == "[Page 1]\nOnce."


def test_a_stream_that_unpacks_too_far_is_refused() -> None:
    data = pdf_saying("a" * 9_000_000)
    assert len(data) < 20_000
    with pytest.raises(TooLarge, match="The PDF expands beyond a limit"):
        pdf_text(data, LIMITS)


def test_a_stream_of_too_many_operators_is_refused() -> None:
    with pytest.raises(TooLarge, match="The PDF expands beyond a limit"):
        pdf_text(pdf_drawing(drawing("a") * 100), PdfLimits(stream_elements=500))


@pytest.mark.parametrize("content", [drawing("Slow.") * 20, b"/X0 Do"])
def test_a_file_that_takes_too_long_is_refused(content: bytes) -> None:
    ticks = count()
    data = pdf_drawing(*[content] * 9, forms=[drawing("Slow.") * 20])
    with pytest.raises(TooLarge, match="The PDF takes more than 5 seconds to read"):
        pdf_text(data, PdfLimits(seconds=5), clock=lambda: float(next(ticks)))
    assert next(ticks) < 20, "it must stop soon after the time is over"
