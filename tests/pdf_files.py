"""PDF files written by hand, down to the bytes, for the tests that read them."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

from pypdf import PdfReader, PdfWriter

FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"

# Object numbers that the pages refer to.
FONT_OBJECT, FIRST_FREE_OBJECT = 3, 4


def pdf_of(objects: Sequence[bytes]) -> bytes:
    """A file of these objects, numbered from 1; the first is the catalog."""
    out = io.BytesIO(b"%PDF-1.7\n")
    out.seek(0, io.SEEK_END)
    places = []
    for number, each in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, each))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    return out.getvalue()


def stream_of(content: bytes, entries: bytes = b"") -> bytes:
    """A compressed stream object with further dictionary entries."""
    packed = zlib.compress(content, 9)
    return b"<</Length %d/Filter/FlateDecode%s>>stream\n%s\nendstream" % (len(packed), entries, packed)


def drawing(text: str) -> bytes:
    """The page content that shows `text` as one line."""
    return b"BT /F1 12 Tf 72 720 Td (%s) Tj ET" % text.encode("cp1252")


def pdf_drawing(*contents: bytes, forms: Sequence[bytes] = ()) -> bytes:
    """A PDF with one page for each of `contents`; each page, and each form, may draw the forms as /X0, /X1 …"""
    first_form = FIRST_FREE_OBJECT + 2 * len(contents)
    drawn = b" ".join(b"/X%d %d 0 R" % (number, first_form + number) for number in range(len(forms)))
    resources = b"/Resources<</Font<</F1 %d 0 R>>/XObject<<%s>> >>" % (FONT_OBJECT, drawn)
    kids = b" ".join(b"%d 0 R" % (FIRST_FREE_OBJECT + 2 * number) for number in range(len(contents)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(contents), kids),
        FONT,
    ]
    for content in contents:
        reference = len(objects) + 2
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]%s/Contents %d 0 R>>" % (resources, reference)
        objects += [page, stream_of(content)]
    objects += [stream_of(form, b"/Type/XObject/Subtype/Form/BBox[0 0 1 1]" + resources) for form in forms]
    return pdf_of(objects)


def pdf_saying(*pages: str) -> bytes:
    """A PDF whose pages show one line of text each; an empty one shows nothing."""
    return pdf_drawing(*(drawing(text) if text else b"" for text in pages))


def encrypted(data: bytes, password: str) -> bytes:
    """The same PDF, which opens with `password` only."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(password, owner_password="the owner's", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
