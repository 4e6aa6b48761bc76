"""Log formatters, text and JSON, that add the id of the current request or job to each line.

Uses the standard `logging`, as the libraries do. The current request and job are context variables, which the tasks
that they create inherit.
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

from omoide.core.redaction import redact_secrets

Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]

request: ContextVar[bytes] = ContextVar("request", default=b"")
"""The id of the current request, as in its header; empty outside of one."""

job: ContextVar[tuple[int, str] | None] = ContextVar("job", default=None)
"""Number and kind of the current job."""

_UNCLEAR = re.compile(r'[\s"=\]]').search

# Libraries that log each request they make, URLs included.
_TALKATIVE = ("httpx", "httpx2", "httpcore", "httpcore2", "openai", "anthropic", "google_genai")


def configure(form: Format, level: Level) -> None:
    """Log everything in this process to standard error in this format, from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(True)


def request_id() -> str:
    """The id of the current request; empty outside of one."""
    return request.get().decode()


def _doing() -> dict[str, Any]:
    """The log fields of the current request and job."""
    fields: dict[str, Any] = {"request_id": request_id()} if request.get() else {}
    if current := job.get():
        fields |= {"job": current[0], "job_kind": current[1]}
    return fields


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z INFO omoide.worker: message [request_id=…]`, followed by the traceback, if any."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={_value(value)}" for name, value in {**_doing(), **_given(record)}.items())
        line = f"{_instant(record)} {record.levelname:<7} {record.name}: {record.getMessage()}"
        shown = redact_secrets(_one_line(f"{line} [{fields}]" if fields else line))
        return f"{shown}\n{cause}" if (cause := _cause(self, record)) else shown


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, the request or job, `error` with the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact_secrets(record.getMessage()),
            "process": record.process,
            **_doing(),
            **{name: _clean(value) for name, value in _given(record).items()},
        }
        if cause := _cause(self, record):
            line["error"] = cause
        try:
            return orjson.dumps(line, default=str).decode()
        except TypeError:  # a lone surrogate, which is not valid in UTF-8
            return orjson.dumps(
                {**line, "message": ascii(line["message"]), "error": ascii(cause)}, default=str
            ).decode()


FIELDS = "fields"
"""`logger.info(…, extra={FIELDS: {…}})` adds fields to a line."""


def _given(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, FIELDS, {})
    return fields


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cause(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    parts += [formatter.formatStack(record.stack_info)] if record.stack_info else []
    return redact_secrets("\n".join(parts))


def _clean(value: Any) -> Any:
    return redact_secrets(value) if isinstance(value, str) else value


def _value(value: Any) -> str:
    """A field's value, quoted if it contains whitespace, quotes, `=` or `]`."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if _UNCLEAR(text) else text


def _one_line(message: str) -> str:
    """The message with unprintable characters escaped, so that quoted input cannot forge log lines."""
    return message if message.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in message)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
