"""Webhook endpoints over HTTP: registration, and delivery of an event."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.handlers.workspace import until
from tests.server_process import Server

Fresh = Callable[[str], str]
SECRET = "webhooks are signed with this"
MALFORMED = "Value error, Invalid URL format"
FOREIGN_SCHEME = "Value error, Only HTTP and HTTPS URLs are allowed"
PRIVATE = "Value error, Private/internal IP addresses are not allowed"


@pytest.fixture
def hooks(http: httpx.Client, fresh: Fresh) -> str:
    """The webhooks path of an existing workspace."""
    workspace = fresh("hooked")
    http.post("/v3/workspaces", json={"id": workspace}).raise_for_status()
    return f"/v3/workspaces/{workspace}/webhooks"


@pytest.fixture(scope="module")
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that sends events, also to private addresses."""
    settings = {"webhook_secret": SECRET, "webhook_private_targets": "true"}
    running = Server(tmp_path_factory.mktemp("sending") / "omoide.db", **settings)
    yield running
    running.stop()


def test_registering_again_returns_the_same_endpoint(http: httpx.Client, hooks: str) -> None:
    made = http.post(hooks, json={"url": "https://example.org/hook"})
    again = http.post(hooks, json={"url": "https://example.org/hook"})
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    assert made.json().keys() == {"id", "workspace_id", "url", "created_at", "last_delivery"}
    assert made.json()["last_delivery"] is None


def test_endpoints_differ_by_every_character_of_the_url_and_by_workspace(
    http: httpx.Client, hooks: str, fresh: Fresh
) -> None:
    for url in ("https://example.org/hook", "https://example.org/hook/", "https://Example.org/hook"):
        assert http.post(hooks, json={"url": url}).status_code == 201
    other = fresh("hooked")
    http.post("/v3/workspaces", json={"id": other})
    made = http.post(f"/v3/workspaces/{other}/webhooks", json={"url": "https://example.org/hook"})
    assert made.status_code == 201


def test_a_workspace_that_does_not_exist_gets_no_endpoint(http: httpx.Client, fresh: Fresh) -> None:
    name = fresh("nowhere")
    refused = http.post(f"/v3/workspaces/{name}/webhooks", json={"url": "https://example.org"})
    assert (refused.status_code, refused.json()["detail"]) == (404, f"Workspace {name} not found")
    assert http.get(f"/v3/workspaces/{name}/webhooks").json()["items"] == []


def test_the_eleventh_endpoint_is_refused_but_an_existing_one_is_not(http: httpx.Client, hooks: str) -> None:
    for number in range(10):
        assert http.post(hooks, json={"url": f"https://example.org/{number}"}).status_code == 201
    refused = http.post(hooks, json={"url": "https://example.org/10"})
    assert refused.status_code == 409
    assert refused.json()["detail"] == "Maximum number of webhook endpoints (10) reached for this workspace."
    assert http.post(hooks, json={"url": "https://example.org/3"}).status_code == 200


def test_endpoints_are_listed_in_the_order_of_their_registration(http: httpx.Client, hooks: str) -> None:
    urls = [f"https://example.org/{name}" for name in ("b", "a", "c")]
    for url in urls:
        http.post(hooks, json={"url": url})
    first = http.get(hooks, params={"size": 2}).json()
    second = http.get(hooks, params={"size": 2, "page": 2}).json()
    assert [item["url"] for item in first["items"] + second["items"]] == urls
    assert (first["total"], first["pages"], second["page"]) == (3, 2, 2)


def test_the_url_of_a_deleted_endpoint_can_be_registered_again(http: httpx.Client, hooks: str) -> None:
    made = http.post(hooks, json={"url": "https://example.org/hook"}).json()
    assert http.delete(f"{hooks}/{made['id']}").status_code == 204
    again = http.delete(f"{hooks}/{made['id']}")
    workspace = made["workspace_id"]
    assert again.status_code == 404
    assert again.json()["detail"] == f"Webhook endpoint {made['id']} not found for workspace {workspace}"
    new = http.post(hooks, json={"url": "https://example.org/hook"})
    assert new.status_code == 201
    assert new.json()["id"] != made["id"]


def test_the_endpoint_of_another_workspace_cannot_be_deleted(http: httpx.Client, hooks: str, fresh: Fresh) -> None:
    made = http.post(hooks, json={"url": "https://example.org/hook"}).json()
    assert http.delete(f"/v3/workspaces/{fresh('other')}/webhooks/{made['id']}").status_code == 404
    assert http.get(hooks).json()["total"] == 1


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", MALFORMED),
        ("example.org/hook", MALFORMED),
        ("http://", MALFORMED),
        ("http:example.org", MALFORMED),
        ("mailto:someone@example.org", MALFORMED),
        ("http://exa mple.org/", MALFORMED),
        (" http://example.org/", MALFORMED),
        ("http://example.org/a b", MALFORMED),
        ("http://example.org/\n", MALFORMED),
        ("http://example.org\\@127.0.0.1/", MALFORMED),
        ("http://a..b/", MALFORMED),
        ("http://%31%32%37.0.0.1/", MALFORMED),
        ("http://example.org:99999/", MALFORMED),
        ("http://example.org:x/", MALFORMED),
        ("http://[::1/", MALFORMED),
        (f"http://{'a' * 64}.org/", MALFORMED),
        ("ftp://example.org/", FOREIGN_SCHEME),
        ("javascript://example.org/", FOREIGN_SCHEME),
        ("http://127.0.0.1/", PRIVATE),
        ("HTTP://10.0.0.1/", PRIVATE),
        ("http://192.168.1.1:8080/", PRIVATE),
        ("http://169.254.169.254/latest", PRIVATE),
        ("http://100.64.0.1/", PRIVATE),
        ("http://0.0.0.0/", PRIVATE),
        ("http://224.0.0.1/", PRIVATE),
        ("http://255.255.255.255/", PRIVATE),
        ("http://127.1/", PRIVATE),
        ("http://127.0.0.1./", PRIVATE),
        ("http://2130706433/", PRIVATE),
        ("http://0177.0.0.1/", MALFORMED),
        ("http://0x7f.1/", PRIVATE),
        ("http://127。0。0。1/", PRIVATE),
        ("http://user@127.0.0.1/", PRIVATE),
        ("http://[::1]/", PRIVATE),
        ("http://[::]/", PRIVATE),
        ("http://[fe80::1]/", PRIVATE),
        ("http://[fd00::1]/", PRIVATE),
        ("http://[ff02::1]/", PRIVATE),
        ("http://[::ffff:10.0.0.1]/", PRIVATE),
        ("http://[64:ff9b::a00:1]/", PRIVATE),
        ("http://[2002:a00:1::]/", PRIVATE),
    ],
)
def test_invalid_and_private_urls_are_refused(url: str, fault: str, http: httpx.Client, hooks: str) -> None:
    refused = http.post(hooks, json={"url": url})
    assert refused.status_code == 422, url
    (found,) = refused.json()["detail"]
    assert (found["loc"], found["msg"], found["type"]) == (["body", "url"], fault, "value_error")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "HTTPS://EXAMPLE.ORG:8443/a/b?c=d#e",
        "http://8.8.8.8/",
        "http://[2606:4700:4700::1111]:80/",
        "https://user:word@example.org/hook",
        "https://exämple.org/ä",
        "http://under_score.example./",
        "http://localhost:3000/hook",
    ],
)
def test_other_urls_are_accepted_without_resolving_names(url: str, http: httpx.Client, hooks: str) -> None:
    made = http.post(hooks, json={"url": url})
    assert made.status_code == 201, made.text
    assert made.json()["url"] == url


def test_a_url_has_at_most_2048_characters(http: httpx.Client, hooks: str) -> None:
    longest = "https://example.org/".ljust(2_048, "a")
    assert http.post(hooks, json={"url": longest}).status_code == 201
    refused = http.post(hooks, json={"url": longest + "a"})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", "url"]


def test_registration_without_a_secret_logs_that_nothing_will_be_sent(
    http: httpx.Client, hooks: str, server: Server
) -> None:
    http.post(hooks, json={"url": "https://example.org/hook"}).raise_for_status()
    until(lambda: any("OMOIDE_WEBHOOK_SECRET" in line for line in server.log))


def test_the_test_route_returns_null_for_any_workspace(http: httpx.Client, hooks: str, fresh: Fresh) -> None:
    for path in (hooks, f"/v3/workspaces/{fresh('nowhere')}/webhooks"):
        answer = http.get(f"{path}/test")
        assert (answer.status_code, answer.content) == (200, b"null")


def test_a_test_event_arrives_signed(sending: Server) -> None:
    received: list[tuple[str, bytes]] = []

    class WebhookHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.headers["X-Honcho-Signature"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test output quiet."""

    with HTTPServer(("127.0.0.1", 0), WebhookHandler) as endpoint, sending.client() as client:
        waiting = Thread(target=endpoint.handle_request)
        waiting.start()
        client.post("/v3/workspaces", json={"id": "w"}).raise_for_status()
        url = f"http://127.0.0.1:{endpoint.server_port}/hook"
        client.post("/v3/workspaces/w/webhooks", json={"url": url}).raise_for_status()
        client.get("/v3/workspaces/w/webhooks/test").raise_for_status()
        waiting.join()
    ((signature, body),) = received
    assert signature == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    event = json.loads(body)
    assert (event["type"], event["data"]) == ("test.event", {"workspace_id": "w"})


def test_endpoints_are_deleted_with_their_workspace(http: httpx.Client, hooks: str) -> None:
    http.post(hooks, json={"url": "https://example.org/hook"}).raise_for_status()
    workspace = hooks.removesuffix("/webhooks")
    assert http.delete(workspace).status_code == 202
    assert http.get(hooks).json()["total"] == 0
    http.post("/v3/workspaces", json={"id": Path(workspace).name}).raise_for_status()
    assert http.get(hooks).json()["total"] == 0
