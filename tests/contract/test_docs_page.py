"""The OpenAPI document and the documentation page."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from tests.contract.conformance import DOCUMENT, OPERATIONS
from tests.server_process import Server
from tests.ui.browser import EXECUTABLE

# Disable features that contact other hosts.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--virtual-time-budget=20000",
]


def test_the_document_is_served_as_it_was_written(http: httpx.Client) -> None:
    served = http.get("/openapi.yaml")
    assert served.content == DOCUMENT.source
    assert served.headers["content-type"] == "application/yaml"
    assert (
        http.get("/openapi.json").json()
        == json.loads(json.dumps(DOCUMENT.raw))
        == yaml.load(served.text, yaml.CSafeLoader)
    )


def test_the_document_and_its_page_answer_head(http: httpx.Client) -> None:
    for path in ("/openapi.json", "/openapi.yaml", "/docs", "/docs/swagger-ui.css"):
        head, get = http.head(path), http.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(get.content))


def test_the_document_needs_no_key(guarded: Server) -> None:
    with guarded.client() as client:
        assert client.get("/openapi.json").status_code == client.get("/docs").status_code == 200


def test_the_page_requests_no_other_host(http: httpx.Client) -> None:
    page = http.get("/docs").text
    assert re.findall(r"https?://", page) == []


@pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium here; `make browser` installs it where it may")
def test_a_browser_shows_every_operation(server: Server, tmp_path: Path) -> None:
    command = [str(EXECUTABLE), *FLAGS, f"--user-data-dir={tmp_path}", "--dump-dom", f"{server.url}/docs"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "OAS 3.1" in done.stdout, done.stdout[:2_000] + done.stderr[-2_000:]
    assert "Unable to render" not in done.stdout
    for operation in OPERATIONS.values():
        assert f'id="operations-{operation.tag}-{operation.raw["operationId"]}"' in done.stdout
