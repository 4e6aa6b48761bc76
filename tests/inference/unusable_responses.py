"""Responses of a language model that are endless or of no use."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

from tests.inference.faulty_provider import (
    EVENTS,
    MEGABYTE,
    Script,
    answering,
    beginning,
    body,
    choice,
    chunk,
    endless,
    event,
    head,
    payload,
    raw,
    then_for_ever,
)


def coded(data: bytes, coding: str) -> Script:
    return lambda line, asked: line.say(beginning(asked, f"Content-Encoding: {coding}") + data)


# Endless responses.

BLANKS = b" " * (32 * MEGABYTE)
GZIPPED, DEFLATED = gzip.compress(BLANKS, 1), zlib.compress(BLANKS, 1)
RAW = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
RAW_DEFLATED = RAW.compress(BLANKS) + RAW.flush()
ENDLESS = {
    "body": endless(b"x" * 65_536),
    "blanks": endless(b" " * 65_536),
    "line": endless(b"x" * 65_536, b"data: "),
    "gzip": coded(GZIPPED, "gzip"),
    "deflate": coded(DEFLATED, "deflate"),
    "deflate without a header": coded(RAW_DEFLATED, "deflate"),
    "length": endless(b"x" * 65_536, b"", "Content-Length: 99999999999"),
    "of no media type": then_for_ever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536),
    "comments": then_for_ever(head(media=EVENTS), b": still here\n\n" * 4_096),
    "empty events": then_for_ever(head(media=EVENTS), event(chunk({})) * 512),
    "words": then_for_ever(head(media=EVENTS), event(chunk({"reasoning_content": "bees " * 200})) * 64),
}


# Unusable responses.


def nested(depth: int) -> bytes:
    return b'{"choices":' + b"[" * depth + b"]" * depth + b"}"


def calling(**call: Any) -> Script:
    named = {"id": "1", "index": 0, "type": "function", "function": {"name": "search_memory", "arguments": "{}"}}
    return answering({"content": None, "tool_calls": [named | call]}, "tool_calls")


def choices(value: Any) -> Script:
    return payload(choice({}) | {"choices": value}, chunk({}) | {"choices": value})


def many_calls(count: int) -> Script:
    one = {"type": "function", "function": {"name": "search_memory", "arguments": "{}"}}
    calls = [{**one, "id": str(index), "index": index} for index in range(count)]
    return answering({"content": None, "tool_calls": calls}, "tool_calls")


NONE = {
    "nothing": raw(b""),
    "html": body(b"<html>Bad gateway</html>"),
    "html of its type": body(b"<html>Bad gateway</html>", media="text/html"),
    "no type": lambda line, asked: line.say(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"),
    "half": raw(b'{"choices": ['),
    "a list": raw(b"[1]"),
    "null": raw(b"null"),
    "a text": raw(b'"x"'),
    "NaN": raw(b"NaN"),
    "an object": raw(b"{}"),
    "brackets": raw(b"[" * 100_000),
    "braces": raw(b'{"a":' * 100_000),
    "nested": raw(nested(90)),
    "deeply nested": raw(nested(900)),
    "no UTF-8": raw(b'{"choices": "\xff\xfe"}'),
    "a long number": raw(b'{"created": ' + b"9" * 5_000 + b"}"),
    "many numbers": raw(b'{"choices": [' + b"1," * 100_000 + b"1]}"),
    "many objects": raw(b'{"choices": [' + b"{}," * 100_000 + b"{}]}"),
    "twice the same key": raw(b'{"choices": [1], "choices": []}'),
    "no choices": choices([]),
    "null for choices": choices(None),
    "a text for choices": choices("abc"),
    "a number for choices": choices(7),
    "null for a choice": choices([None]),
    "a list for a choice": choices([[]]),
    "an empty choice": choices([{}]),
    "null for a message": choices([{"index": 0, "finish_reason": "stop", "message": None, "delta": None}]),
    "a text for a message": choices([{"index": 0, "finish_reason": "stop", "message": "x", "delta": "x"}]),
    "no content": answering({"content": None}),
    "a number for content": answering({"content": 5}),
    "a list of numbers for content": answering({"content": [1]}),
    "a call of nothing": calling(function=None),
    "a number for the name of a tool": calling(function={"name": 5, "arguments": "{}"}),
    "a number for the id of a call": calling(id=5),
    "a number for arguments": calling(function={"name": "search_memory", "arguments": 5}),
    "a call of another type": calling(type="custom", function=None, custom={"name": "x", "input": "y"}),
    "a date beyond all years": answering({"content": "Bees."}, created=10**18),
    "513 calls": many_calls(513),
    "5,000 calls": many_calls(5_000),
    "gzip that is none": coded(b"hello", "gzip"),
    "a coding that was not accepted": coded(b"hello", "br"),
    "two codings": coded(gzip.compress(gzip.compress(b"{}")), "gzip, gzip"),
}
