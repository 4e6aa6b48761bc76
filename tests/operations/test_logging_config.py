"""The format of log lines, and protection against log injection."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from omoide.core import logging_config
from omoide.core.logging_config import FIELDS, JsonFormatter, TextFormatter

ROOT = Path(__file__).parents[2]


def record(message: str, *args: object, fields: dict[str, Any] | None = None, cause: bool = False) -> logging.LogRecord:
    made = logging.LogRecord(
        "omoide.test", logging.WARNING, "here.py", 1, message, args, sys.exc_info() if cause else None
    )
    made.created = 1_800_000_000.1234
    if fields:
        setattr(made, FIELDS, fields)
    return made


def test_a_text_line_has_time_level_logger_and_context() -> None:
    told = logging_config.request.set(b"abc"), logging_config.job.set((7, "embed"))
    line = TextFormatter().format(record("%s of %s", 1, 2, fields={"status": 201}))
    logging_config.request.reset(told[0])
    logging_config.job.reset(told[1])
    belongs = "[request_id=abc job=7 job_kind=embed status=201]"
    assert line == f"2027-01-15T08:00:00.123Z WARNING omoide.test: 1 of 2 {belongs}"
    assert TextFormatter().format(record("alone")) == "2027-01-15T08:00:00.123Z WARNING omoide.test: alone"


def test_a_json_line_is_one_object_with_the_same_fields() -> None:
    told = logging_config.request.set(b"abc")
    line = JsonFormatter().format(record("%s", "a\nb", fields={"ms": 1.5}))
    logging_config.request.reset(told)
    found = json.loads(line)
    assert "\n" not in line
    assert found.pop("process")
    assert found == {
        "time": "2027-01-15T08:00:00.123Z",
        "level": "warning",
        "logger": "omoide.test",
        "message": "a\nb",
        "request_id": "abc",
        "ms": 1.5,
    }


@pytest.mark.parametrize(("level", "said"), [("warning", ["two"]), ("info", ["one", "two"]), ("debug", ["one", "two"])])
def test_levels_are_respected_and_libraries_log_no_urls(level: str, said: list[str]) -> None:
    code = f"""
        import logging
        from omoide.core import logging_config as logs
        logs.configure("json", {level!r})
        logging.getLogger("omoide.test").info("one")
        logging.getLogger("omoide.test").warning("two")
        logging.getLogger("httpx").info("GET http://somewhere/")
        logging.getLogger("httpcore2.http11").debug("send_request_headers")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == said
    assert done.stdout == ""


def test_a_traceback_follows_the_line_or_is_in_the_object() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        text = TextFormatter().format(record("failed", cause=True))
        found = json.loads(JsonFormatter().format(record("failed", cause=True)))
    assert text.splitlines()[0].endswith("omoide.test: failed")
    assert text.splitlines()[-1] == found["error"].splitlines()[-1] == "ValueError: why"


def test_quoted_input_cannot_forge_a_line() -> None:
    forged = "gone\n2027-01-15T08:00:00.123Z ERROR omoide: \x1b[31mforged\u2028x"
    line = TextFormatter().format(record("%s", forged, fields={"path": "/a\r\nb"}))
    assert line.isprintable()
    assert "gone\\n2027" in line
    assert 'path="/a\\r\\nb"' in line


def test_quoted_input_cannot_forge_a_field() -> None:
    forged = {"path": '/a status=200" x]', "status": 404}
    assert (
        TextFormatter().format(record("done", fields=forged)).endswith(r'done [path="/a status=200\" x]" status=404]')
    )


def test_unserializable_values_are_logged_as_text() -> None:
    assert json.loads(JsonFormatter().format(record("%s", "half \ud800")))["message"] == "'half \\ud800'"
    assert "\\ud800" in TextFormatter().format(record("%s", "half \ud800"))
