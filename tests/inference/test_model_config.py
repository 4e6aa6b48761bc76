"""Choice of models from the settings: validation, and the key for each endpoint."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from omoide.core.settings import Settings, SettingsError
from omoide.inference.model_config import model_configs
from omoide.inference.model_registry import chat_models

KEY = "sk-test-4f9a2c-do-not-show"


@pytest.fixture(autouse=True)
def _no_keys_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in ("OPENAI", "ANTHROPIC", "GOOGLE"):
        monkeypatch.delenv(f"{provider}_API_KEY", raising=False)


def settings_of(**options: Any) -> Settings:
    return Settings(**options)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"model": "gpt-5"},
            "OMOIDE_MODEL is 'gpt-5'; it must be 'openai:<model>', 'anthropic:<model>' or 'google:<model>'.",
        ),
        (
            {"model": "openai:", "model_api_key": KEY},
            "OMOIDE_MODEL is 'openai:'; it must be 'openai:<model>', 'anthropic:<model>' or 'google:<model>'.",
        ),
        (
            {"model": "openai:toy"},
            "OMOIDE_MODEL is 'openai:toy', which needs a key: set OMOIDE_MODEL_API_KEY or OMOIDE_OPENAI_API_KEY.",
        ),
        (
            {"model": "openai:toy", "model_base_url": "http://x/v1", "model_dream": "anthropic:toy"},
            "OMOIDE_MODEL_DREAM is 'anthropic:toy', which needs a key: set OMOIDE_ANTHROPIC_API_KEY.",
        ),
        (
            {"model": "openai:toy", "model_api_key": KEY, "model_fallback": "nobody:toy"},
            "OMOIDE_MODEL_FALLBACK is 'nobody:toy'; it must be 'openai:<model>', 'anthropic:<model>' or "
            "'google:<model>'.",
        ),
    ],
)
def test_an_invalid_choice_is_reported_in_one_line(options: dict[str, Any], line: str) -> None:
    if "model_dream" in options:
        pytest.importorskip("anthropic")
    with pytest.raises(SettingsError) as caught:
        chat_models(settings_of(**options))
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("openai:toy", "openai", "openai"),
        ("openai:toy", "pydantic_ai", "openai"),
        ("anthropic:toy", "anthropic", "anthropic"),
        ("google:toy", "google", "google"),
        ("google-gla:toy", "google", "google"),
    ],
)
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, name: str, package: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # which is how Python blocks an import
    with pytest.raises(SettingsError) as caught:
        model_configs(settings_of(model=name, model_api_key=KEY))
    assert str(caught.value) == f"OMOIDE_MODEL is {name!r}, which needs an extra: pip install 'omoide[{extra}]'."


@pytest.mark.parametrize(
    ("name", "value"),
    [("model_derive", "openai:toy"), ("model_fallback", "openai:toy"), ("model_base_url", "http://localhost:11434/v1")],
)
def test_settings_of_a_model_require_a_model(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} is set but model is empty"):
        settings_of(**{name: value})


def test_reading_the_settings_imports_no_provider() -> None:
    code = (
        "from omoide.core.settings import Settings; from omoide.inference.model_config import model_configs; "
        f"model_configs(Settings(model='openai:toy', model_api_key='{KEY}')); import sys; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pydantic_ai", "openai", "anthropic", "google"} & set(done.stdout.split())


def test_every_task_may_have_a_model_of_its_own() -> None:
    names = {"model_derive": "openai:a", "model_summary": "openai:b", "model_answer": "openai:c"}
    choices = model_configs(settings_of(model="openai:toy", model_api_key=KEY, **names))
    assert {task: choice.name for task, choice in choices.by_task.items()} == {
        "derive": "openai:a",
        "summary": "openai:b",
        "answer": "openai:c",
        "card": "openai:toy",
        "dream": "openai:toy",
    }


@pytest.mark.parametrize(
    ("options", "endpoint"),
    [
        ({"model_fallback": "openai:other"}, ("http://here/v1", KEY)),
        ({"model_fallback": "openai:other", "model_fallback_base_url": "http://here/v1/"}, ("http://here/v1", KEY)),
        (
            {"model_fallback": "openai:other", "model_fallback_base_url": "http://there/v1", "openai_api_key": "else"},
            ("http://there/v1", "else"),
        ),
        (
            {"model_fallback": "openai:other", "model_fallback_base_url": "http://there/v1"},
            ("http://there/v1", ""),
        ),
    ],
)
def test_a_key_is_sent_only_to_its_own_endpoint(options: dict[str, str], endpoint: tuple[str, str]) -> None:
    settings = settings_of(model="openai:toy", model_base_url="http://here/v1", model_api_key=KEY, **options)
    fallback = model_configs(settings).fallback
    assert fallback is not None
    assert (fallback.endpoint.base_url, fallback.endpoint.key.get_secret_value()) == endpoint


def test_a_providers_key_is_not_sent_to_a_custom_endpoint() -> None:
    settings = settings_of(model="openai:toy", model_base_url="http://here/v1", openai_api_key=KEY)
    assert model_configs(settings).by_task["derive"].endpoint.key.get_secret_value() == ""


def test_choices_show_no_key() -> None:
    assert KEY not in repr(model_configs(settings_of(model="openai:toy", model_api_key=KEY)))


@pytest.mark.parametrize(
    ("name", "address", "package"),
    [
        ("openai:gpt-5.4-mini", "https://api.openai.com", "openai"),
        ("anthropic:claude-sonnet-4-5", "https://api.anthropic.com", "anthropic"),
        ("google:gemini-3-flash", "https://generativelanguage.googleapis.com", "google.genai"),
    ],
)
def test_provider_urls_in_the_environment_are_ignored(
    name: str, address: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(package)
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.setenv(variable, "http://elsewhere")
    models = chat_models(settings_of(model=name, model_api_key=KEY))
    assert (models.of("derive").base_url or "").startswith(address)
    asyncio.run(models.aclose())
