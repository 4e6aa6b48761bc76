"""Addresses are shown without what may be a secret in them, wherever they are shown."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from omoide.core import logging_config
from omoide.core.redaction import is_http_url, redact_keys, redact_secrets, redact_url
from tests.inference.completions import error
from tests.inference.fault_proxy import answering
from tests.test_cli import Run, run
from tests.test_doctor import endpoint

__all__ = ["run"]

SECRET = "s3cr3t-WORD"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://[::1]:8080/v1/", "http://[::1]:8080/v1/"),
        (f"https://user:{SECRET}@host/v1", "https://***@host/v1"),
        (f"https://{SECRET}@host", "https://***@host"),
        (f"https://user:{SECRET}/a?b#c@host:1/v1", "https://***@host:1/v1"),
        (f"https://user:x@y{SECRET}@host/v1", "https://***@host/v1"),
        (f"https://host/v1?api-version=1&key={SECRET}", "https://host/v1?api-version=***&key=***"),
        (f"https://host/v1?{SECRET}", "https://host/v1?***"),
        (f"https://host/v1?{SECRET}&={SECRET}", "https://host/v1?***&***"),
        (f"https://host/v1#{SECRET}", "https://host/v1#***"),
        (f"https://host/openai/{SECRET}/v1beta", "https://host/openai/***/v1beta"),
        (f"https://host:{SECRET}/v1", "https://***/v1"),
        (SECRET, "***"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redact_url(url) == shown
    assert redact_secrets(shown) == shown, "once is enough"


@pytest.mark.parametrize(
    "text",
    [
        f"I use sk-proj-{SECRET}x",
        f"Authorization: Bearer {SECRET}",
        f'{{"api_key": "{SECRET}"}}',
        f"my password is {SECRET}, and my dog is Rex",
        f"token={SECRET}",
        f"https://host/v1?key={SECRET}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ{SECRET}.x",
        f"0123456789abcdef0123456789abcdef{SECRET}",
    ],
)
def test_what_looks_like_a_key_is_not_shown(text: str) -> None:
    assert SECRET not in redact_keys(text)
    plain = "alice has the key to her flat, and moved to Porto on 2024-05-01 with internationalization-experts"
    assert redact_keys(plain) == plain


@pytest.mark.parametrize(
    "text",
    [
        f"cannot reach https://u:{SECRET}@host/v1, giving up",
        f"('http://host/v1?key={SECRET}').",
        f'"https://u:{SECRET}"quoted@host/v1"',
        f"first https://a:{SECRET}@b, then https://c:{SECRET}@d.",
        f'"https://u:x"{SECRET}@" is quoted',
        f"no route GET /v1/models?api_key={SECRET}&n=1",
    ],
)
def test_a_text_is_shown_without_the_secrets_of_its_addresses(text: str) -> None:
    assert SECRET not in redact_secrets(text)


def test_a_text_without_secrets_stays_as_it_is() -> None:
    text = "Omoide running on http://127.0.0.1:8000 (Press CTRL+C to quit) a=b ?c=d me@example.org http:// or https://"
    assert redact_secrets(text) == text


@pytest.mark.parametrize("formatter", [logging_config.TextFormatter(), logging_config.JsonFormatter()])
def test_no_line_of_the_log_shows_a_secret_of_an_address(formatter: logging.Formatter) -> None:
    url = f"http://u:{SECRET}@host/v1?key={SECRET}"
    try:
        raise ValueError(f"Invalid: {url}")
    except ValueError:
        cause = sys.exc_info()
    record = logging.LogRecord("omoide.test", logging.ERROR, "here.py", 1, "asked %s", (url,), cause)
    setattr(record, logging_config.FIELDS, {"url": url, "count": 3})
    line = formatter.format(record)
    assert line.count("http://***@host/v1") == 3
    assert SECRET not in line


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        (f"https://user:{SECRET}@host:8443/v1?key=x#y", True),
        ("http://[::1]:80", True),
        ("ftp://host", False),
        (f"http://user:{SECRET}/x@host/v1", False),
        (f"http://host:{SECRET}", False),
        ("http://host/a b", False),
    ],
)
def test_an_endpoint_that_no_client_could_ask_is_refused_without_being_shown(url: str, is_one: bool, run: Run) -> None:
    assert is_http_url(url) == is_one
    if not is_one:
        done = run("doctor", model="openai:toy", model_base_url=url)
        assert (done.returncode, "model_base_url: an endpoint must start with" in done.stderr) == (1, True)
        assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_doctor_shows_addresses_without_their_secrets(flags: tuple[str, ...], run: Run) -> None:
    said = error(f"no such route: /x?key={SECRET} at http://u:{SECRET}@h", "invalid")
    with endpoint(answering(404, said)) as url:
        secret_url = url.replace("http://", f"http://user:{SECRET}@").replace("/v1", f"/{SECRET}/v1?key={SECRET}")
        settings: dict[str, Any] = {
            "model": "openai:toy",
            "model_base_url": secret_url,
            "model_fallback": "openai:spare",
            "model_fallback_base_url": f"{secret_url}#{SECRET}",
            "embedder": "openai:mine",
            "embedder_base_url": secret_url,
            "embedder_dimensions": "3",
        }
        done = run("doctor", *flags, **settings)
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr
    if flags:
        shown = [check["figures"].get("endpoint") for check in json.loads(done.stdout)["checks"]]
        main = url.replace("http://", "http://***@").replace("/v1", "/***/v1?key=***")
        assert [each for each in shown if each] == [main, f"{main}#***"]
