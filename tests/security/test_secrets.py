"""No secret in a log line, response or error: provoke failures of every kind, then search all output."""

from __future__ import annotations

import json

import click
import httpx
import pytest
from pydantic import SecretStr

from omoide.cli.command_settings import read_settings
from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from omoide.core.settings import Settings
from tests.handlers.workspace import until
from tests.raw_http import exchange
from tests.security.in_process import settings_of
from tests.server_process import Server

SECRETS = {
    "jwt_secret": "JWTSECRET-0123456789abcdef0123456789abcdef",
    "webhook_secret": "WEBHOOKSECRET-0123456789",
    "embedder_api_key": "EMBEDDERKEY-0123456789",
    "model_api_key": "MODELKEY-0123456789",
    "openai_api_key": "OPENAIKEY-0123456789",
    "anthropic_api_key": "ANTHROPICKEY-0123456789",
    "google_api_key": "GOOGLEKEY-0123456789",
}
CONTENT = "CONTENT-of-a-message-that-nobody-may-log"
HOOK_WORD = "HOOKWORD-in-an-address"
ADDRESS_WORD = "ADDRESSWORD-of-the-embedder"


class ServerOutput:
    """All output of a server: responses and log."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.answers: list[str] = []

    def keep(self, response: httpx.Response) -> None:
        response.read()
        self.answers.append(f"{response.status_code} {dict(response.headers)} {response.text}")


@pytest.fixture(scope="module")
def provoked(tmp_path_factory: pytest.TempPathFactory) -> tuple[ServerOutput, list[str]]:
    """A server with every secret set and a dead provider, after errors of every kind; and the keys used."""
    db = tmp_path_factory.mktemp("secrets") / "omoide.db"
    settings = {
        **SECRETS,
        "auth": "true",
        "embedder": "openai:m",
        "embedder_base_url": f"http://user:{ADDRESS_WORD}@127.0.0.1:9/{ADDRESS_WORD}?key={ADDRESS_WORD}#{ADDRESS_WORD}",
        "embedder_dimensions": "8",
        "debounce_seconds": "0",
        "flush_tokens": "0",
        "webhook_private_targets": "true",
        "webhook_attempts": "1",
        "job_poll_seconds": "0.1",
    }
    server = Server(db, **settings)
    said = ServerOutput(server)
    keys = Keyring(SECRETS["jwt_secret"])
    admin = keys.mint(ADMIN, now=clock.now())
    others = [keys.mint(Principal(workspace="w", peer="p"), now=clock.now()), f"{admin[:-4]}AAAA"]
    try:
        provoke(said, admin, others)
    finally:
        server.stop()
    return said, [admin, *others]


def provoke(said: ServerOutput, admin: str, others: list[str]) -> None:
    header = {"Authorization": f"Bearer {admin}"}
    with said.server.client(event_hooks={"response": [said.keep]}) as client:
        client.post("/v3/workspaces", json={"id": "w"}, headers=header).raise_for_status()
        hook = f"http://user:{HOOK_WORD}@127.0.0.1:9/{HOOK_WORD}?token={HOOK_WORD}"
        client.post("/v3/workspaces/w/webhooks", json={"url": hook}, headers=header).raise_for_status()
        messages = {"messages": [{"peer_id": "p", "content": CONTENT}]}
        for body in (
            messages,
            {"messages": [{"peer_id": "a b", "content": CONTENT}]},
            {"messages": [{"peer_id": 5}]},
            "{",
        ):
            raw = body if isinstance(body, str) else json.dumps(body)
            typed = {**header, "Content-Type": "application/json"}
            client.post("/v3/workspaces/w/sessions/s/messages", content=raw, headers=typed)
        client.get("/v3/workspaces/w/webhooks/test", headers=header)
        client.post("/v3/workspaces/w/search", json={"query": CONTENT}, headers=header)
        stream = {"query": CONTENT, "stream": True}
        client.post("/v3/workspaces/w/peers/p/chat", json=stream, headers=header)
        file = {"file": ("a.pdf", b"%PDF-1.7 " + CONTENT.encode(), "application/pdf")}
        client.post("/v3/workspaces/w/sessions/s/messages/upload", data={"peer_id": "p"}, files=file, headers=header)
        for key in others:
            client.post("/v3/workspaces/list", headers={"Authorization": f"Bearer {key}"})
            client.post("/v3/workspaces/list", params={"token": key})
        for page in ("/ready", "/health", "/metrics"):
            client.get(page, headers=header)
        client.delete("/v3/workspaces/w", headers=header)
        client.post(f"/v3/{admin}/{CONTENT}", headers=header)
    until(lambda: has_failed(said))
    sent = b"GET /health HTTP/1.1\r\nAuthorization: Bearer " + admin.encode() + b"\r\nbroken line\r\n\r\n"
    said.answers.append(exchange(said.server, sent).decode())


def has_failed(said: ServerOutput) -> bool:
    """Whether the log reports the event given up and the provider's outage."""
    log = "".join(said.server.log)
    return "given up" in log and "words only" in log


def spoken(said: ServerOutput) -> str:
    return "\n".join([*said.answers, *said.server.log])


def test_no_secret_of_the_settings_is_disclosed(provoked: tuple[ServerOutput, list[str]]) -> None:
    said, _ = provoked
    everything = spoken(said)
    assert len(said.answers) > 15
    for name, secret in SECRETS.items():
        assert secret not in everything, name
        assert secret[: len(secret) // 2 + 4] not in everything, f"a good part of {name}"


def test_no_secret_in_a_url_is_disclosed(provoked: tuple[ServerOutput, list[str]]) -> None:
    said, _ = provoked
    assert ADDRESS_WORD not in spoken(said)


def test_no_key_is_disclosed(provoked: tuple[ServerOutput, list[str]]) -> None:
    said, keys = provoked
    for key in keys:
        assert key not in spoken(said)
        assert key.rpartition(".")[2] not in spoken(said), "not even the signature"


def test_content_of_callers_is_not_logged(provoked: tuple[ServerOutput, list[str]]) -> None:
    said, _ = provoked
    log = "".join(said.server.log)
    assert CONTENT not in log
    assert HOOK_WORD not in log


def test_an_unexpected_error_discloses_nothing(provoked: tuple[ServerOutput, list[str]]) -> None:
    said, _ = provoked
    for answer in said.answers:
        assert "Traceback" not in answer
        assert "/omoide/" not in answer
        assert str(said.server.db.parent) not in answer


def test_settings_do_not_show_their_secrets() -> None:
    settings = settings_of(**SECRETS, model="openai:m")
    shown = [
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        repr(settings.model_dump()),
        f"{vars(settings)}",
    ]
    for secret in SECRETS.values():
        assert all(secret not in text for text in shown)


def test_every_setting_named_like_a_secret_is_a_secret() -> None:
    for name, field in Settings.model_fields.items():
        if name.endswith(("_key", "_secret", "_token", "_password")):
            assert field.annotation is SecretStr, name
            assert name in SECRETS, "it must be in the list of searched secrets"


def test_a_wrong_setting_is_named_without_its_value_or_other_values(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"OMOIDE_{name.upper()}", value)
    monkeypatch.setenv("OMOIDE_JWT_SECRET", "SHORTSECRET")  # too short, so it is part of the error itself
    with pytest.raises(click.ClickException, match="jwt_secret") as refusal:
        read_settings()
    for secret in ("SHORTSECRET", *SECRETS.values()):
        assert secret not in refusal.value.format_message()
