"""How the server sends the page: where it is, under which policy, and what is in it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import httpx
import pytest

from omoide.ui.static_files import FOLDER, MOUNTED, StaticFiles
from tests.server_process import Server

MAX_VENDOR_BYTES = 250_000
HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def test_the_root_leads_browsers_to_the_page_and_answers_others_with_a_pointer(http: httpx.Client) -> None:
    led = http.get("/", headers=HTML)
    assert (led.status_code, led.headers["location"]) == (307, "ui/")
    pointer = http.get("/")
    assert pointer.json()["ui"] == "ui/"
    assert http.get(pointer.json()["openapi"]).status_code == 200


def test_the_page_is_found_without_its_slash(http: httpx.Client) -> None:
    assert http.get("/ui").headers["location"] == "ui/"
    assert http.get("/ui/").headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", sorted(StaticFiles(lambda *_: None).files))  # type: ignore[arg-type]
def test_every_file_has_the_policy_and_is_validated_by_its_etag(http: httpx.Client, path: str) -> None:
    got = http.get(path)
    assert got.status_code == 200
    assert "script-src 'self'" in got.headers["content-security-policy"]
    assert "unsafe" not in got.headers["content-security-policy"]
    again = http.get(path, headers={"if-none-match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = http.head(path)
    assert (head.headers["content-length"], head.content) == (got.headers["content-length"], b"")


@pytest.mark.parametrize("path", ["/ui/static/../../settings.py", "/ui/nothing.js", "/ui/vendor/package.json", "/ui//"])
def test_nothing_else_is_served_under_its_path(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 404


def test_no_file_names_another_host_or_has_a_script_in_the_markup() -> None:
    for path in (FOLDER / "static").rglob("*"):
        if path.is_file():
            text = path.read_text().replace("http://www.w3.org/2000/svg", "").replace("https://example.org/hook", "")
            assert not re.search(r"""["'`(=]\s*(https?:)?//[a-z]""", text), path
            assert not re.search(r"<script(?![^>]* src=)|\son[a-z]+=\"|innerHTML|dangerouslySet|\beval\(", text), path


def test_packages_of_others_are_as_bundled_and_small() -> None:
    vendor = FOLDER / "vendor"
    total = 0
    for line in (vendor / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        content = (vendor / name).read_bytes()
        total += len(content)
        assert hashlib.sha256(content).hexdigest() == digest, f"{name}: run make vendor"
    assert 0 < total <= MAX_VENDOR_BYTES
    licences = (vendor / "LICENSES.txt").read_text()
    assert all(f"{name} " in licences for name in ("preact", "htm", "uplot", "d3-force"))


def test_every_file_that_a_module_imports_is_served() -> None:
    served = set(StaticFiles(lambda *_: None).files)  # type: ignore[arg-type]
    for path in (FOLDER / "static").rglob("*.js"):
        for target in re.findall(r"""(?:from|import\()\s*["'](\.[^"']+)["']""", path.read_text()):
            assert MOUNTED + (path.parent / target).resolve().relative_to(FOLDER).as_posix() in served, (path, target)


def test_a_server_without_the_page_leads_browsers_to_its_documentation(db_path: Path) -> None:
    server = Server(db_path, ui="false")
    with server.client() as client:
        assert client.get("/", headers=HTML).headers["location"] == "docs"
        assert client.get("/ui/").status_code == client.get("/").status_code == 404
    server.stop()
