"""Reasoner selection from the settings, lazy imports, fallback, and errors returned to callers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest
from hatchling.builders.wheel import WheelBuilder

from omoide.core.settings import Settings, SettingsError
from omoide.inference.model_registry import ProviderFailed
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.reasoner.factory import FallbackReasoner, embedded_reasoner, make_reasoner
from omoide.reasoner.protocol import Batch, Fact, Reasoner
from tests.reasoner.agentic.scripted import TOKENS, message
from tests.server_process import Server
from tests.test_start import modules_after

EMBEDDER = WordLlamaEmbedder()
AWAY = {"model": "openai:some-model", "model_base_url": "http://127.0.0.1:9/v1", "model_retries": "0"}


def reasoner_of(given: Mapping[str, str]) -> Reasoner:
    settings = Settings.model_validate(given)
    return make_reasoner(settings, TOKENS, embedded_reasoner(settings, EMBEDDER, TOKENS))


@pytest.fixture
def unreachable(tmp_path: Path) -> Server:
    return Server(tmp_path / "omoide.db", **AWAY)


def test_the_extractive_reasoner_is_used_without_a_model() -> None:
    assert reasoner_of({}).name == "extractive"


def test_a_model_is_used_as_reasoner_and_leaves_cards_to_dreams() -> None:
    reasoner = reasoner_of(AWAY)
    assert (reasoner.name, reasoner.keeps_cards) == ("openai:some-model", False)


@pytest.mark.parametrize("name", ["some-model", "unknown:model", "openai:", "openai:model"])
def test_an_invalid_model_name_is_reported_at_once(name: str) -> None:
    with pytest.raises(SettingsError, match="OMOIDE_MODEL"):
        reasoner_of({"model": name})


def test_startup_imports_no_model_packages(tmp_path: Path) -> None:
    code = f"""
        import os
        os.environ.update({ {f"OMOIDE_{name.upper()}": value for name, value in AWAY.items()} })
        from omoide import __main__
        from omoide.cli.serve import served_app
        served_app()
    """
    loaded = modules_after(code, tmp_path)
    assert "omoide.reasoner.factory" in loaded
    assert not loaded & {"pydantic_ai", "openai", "anthropic", "google.genai", "omoide.reasoner.agentic", "httpx"}


def test_an_unreachable_provider_is_503_with_a_detail(unreachable: Server) -> None:
    try:
        with unreachable.client() as http:
            http.post("/v3/workspaces", json={"id": "w"}).raise_for_status()
            http.post("/v3/workspaces/w/peers", json={"id": "alice"}).raise_for_status()
            for stream in (False, True):
                body = {"query": "Where does alice live?", "stream": stream}
                answer: httpx.Response = http.post("/v3/workspaces/w/peers/alice/chat", json=body)
                assert answer.status_code == 503
                assert "openai:some-model" in answer.json()["detail"]
    finally:
        unreachable.stop()
    assert "reasoner openai:some-model" in "".join(unreachable.log)


class FailingReasoner:
    """A reasoner whose provider fails."""

    name = "away"
    keeps_cards = False

    def __getattr__(self, verb: str) -> object:
        async def failing(*_: object) -> Sequence[Fact]:
            raise ProviderFailed("The provider is unreachable.", retryable=True)

        return failing


def test_the_extractive_reasoner_derives_while_the_provider_fails() -> None:
    relief = reasoner_of({})
    reasoner = FallbackReasoner(FailingReasoner(), relief)  # type: ignore[arg-type]  # all methods fail
    batch = Batch("w", "s", "alice", [message("I live in Porto.")])
    facts = asyncio.run(reasoner.derive(batch))
    assert [fact.content for fact in facts] == ["alice lives in Porto"]
    with pytest.raises(ProviderFailed):
        asyncio.run(reasoner.card(None))  # type: ignore[arg-type]


def test_the_wheel_contains_the_prompts() -> None:
    builder = WheelBuilder(str(Path(__file__).parents[3]))
    names = {file.distribution_path for file in builder.recurse_included_files()}
    source = Path(__file__).parents[3] / "omoide/reasoner/agentic/prompts"
    assert {f"omoide/reasoner/agentic/prompts/{path.name}" for path in source.iterdir()} <= names
