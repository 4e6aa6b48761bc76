"""How the server's lines look, in text or as JSON, each with the request or the job that it belongs to.

Python's own `logging` does the work: the libraries use it already, and all that is ours is the form of a line. What is
being done stands in a context variable, which travels with the tasks that a request or a job begins.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from omoide.addresses import without_secrets

Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]

request: ContextVar[bytes] = ContextVar("request", default=b"")
"""Which request is being served, as its header has it; empty outside of one."""

job: ContextVar[tuple[int, str] | None] = ContextVar("job", default=None)
"""Number and kind of the job that is being done."""

_UNCLEAR = re.compile(r'[\s"=\]]').search

# Libraries that tell about each request that they make, addresses included.
_TALKATIVE = ("httpx", "httpx2", "httpcore", "httpcore2", "openai", "anthropic", "google_genai")


def configure(form: Format, level: Level) -> None:
    """Let everything that is logged in this process go to standard error in this form, from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(True)


def request_id() -> str:
    """The name of the request that is being served; empty outside of one."""
    return request.get().decode()


def _doing() -> dict[str, Any]:
    """What the process is about, in this place of the program."""
    found: dict[str, Any] = {"request_id": request_id()} if request.get() else {}
    if held := job.get():
        found |= {"job": held[0], "job_kind": held[1]}
    return found


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z INFO omoide.worker: what happened [request_id=…]`, and what led to it below."""

    def format(self, record: logging.LogRecord) -> str:
        told = " ".join(f"{name}={_value(value)}" for name, value in {**_doing(), **_given(record)}.items())
        line = f"{_instant(record)} {record.levelname:<7} {record.name}: {record.getMessage()}"
        shown = without_secrets(_one_line(f"{line} [{told}]" if told else line))
        return f"{shown}\n{cause}" if (cause := _cause(self, record)) else shown


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, what it belongs to, `error` with what led to it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            "process": record.process,
            **_doing(),
            **{name: _clean(value) for name, value in _given(record).items()},
        }
        if cause := _cause(self, record):
            line["error"] = cause
        try:
            return orjson.dumps(line, default=str).decode()
        except TypeError:  # half of a surrogate pair, which no JSON can hold
            return orjson.dumps(
                {**line, "message": ascii(line["message"]), "error": ascii(cause)}, default=str
            ).decode()


FIELDS = "fields"
"""`logger.info(…, extra={FIELDS: {…}})` gives a line fields of its own."""


def _given(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = getattr(record, FIELDS, {})
    return found


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cause(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    parts += [formatter.formatStack(record.stack_info)] if record.stack_info else []
    return without_secrets("\n".join(parts))


def _clean(value: Any) -> Any:
    return without_secrets(value) if isinstance(value, str) else value


def _value(value: Any) -> str:
    """A field's value, in quotes where a reader could not tell its end or would take a part of it for another field."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if _UNCLEAR(text) else text


def _one_line(message: str) -> str:
    """The message with its line ends shown, so that nobody who is quoted in it can make up a line of the log."""
    return message if message.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in message)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
