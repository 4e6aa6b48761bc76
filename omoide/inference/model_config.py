"""Choose the model and provider for each task from the settings, and validate the choice.

Checks which packages are installed without importing them, to keep start-up fast. `providers.py` creates the
models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal, get_args

from pydantic import SecretStr

from omoide.core.answer_levels import ReasoningLevel
from omoide.core.settings import Settings, SettingsError

Task = Literal["derive", "summary", "card", "dream", "answer"]
Provider = Literal["openai", "anthropic", "google"]

TASKS: tuple[Task, ...] = get_args(Task)

# The setting that overrides OMOIDE_MODEL for a task.
_OVERRIDES: dict[Task, str] = {
    "derive": "model_derive",
    "summary": "model_summary",
    "card": "model_dream",
    "dream": "model_dream",
    "answer": "model_answer",
}

_PROVIDERS: dict[str, Provider] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "google-gla": "google",
}

# The package that each provider's extra installs.
_PACKAGES: dict[Provider, str] = {"openai": "openai", "anthropic": "anthropic", "google": "google.genai"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address and key of a provider. An empty `base_url` is the provider's own address."""

    provider: Provider
    base_url: str
    key: SecretStr


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """`name` as configured, such as `openai:gpt-5.4-mini`; `model` as the provider names it."""

    name: str
    model: str
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class ModelConfigs:
    """The model for each task, those of levels of answers that have their own, and the fallback for all of them."""

    by_task: Mapping[Task, ModelConfig]
    fallback: ModelConfig | None
    by_level: Mapping[ReasoningLevel, ModelConfig] = field(default_factory=dict)


def model_configs(settings: Settings) -> ModelConfigs:
    """The models named in the settings; `settings.model` must be set.

    Raises SettingsError, with one line, for an unknown provider, an extra that is not installed, or a missing key for a
    provider's own address.
    """
    chosen = {task: getattr(settings, setting) or settings.model for task, setting in _OVERRIDES.items()}
    names = {name: _choice(settings, setting, name) for setting, name in _named(settings)}
    fallback = None
    if settings.model_fallback:
        fallback = _choice(settings, "model_fallback", settings.model_fallback, settings.model_fallback_base_url)
    by_level = {level: names[each.model] for level, each in settings.answer_levels.items() if each.model}
    return ModelConfigs({task: names[name] for task, name in chosen.items()}, fallback, by_level)


def _named(settings: Settings) -> list[tuple[str, str]]:
    """Settings and values that name a model, without the fallback, which may have its own endpoint."""
    overrides = [(setting, getattr(settings, setting)) for setting in sorted(set(_OVERRIDES.values()))]
    levels = [("answer_levels", each.model) for each in settings.answer_levels.values()]
    return [("model", settings.model), *((setting, name) for setting, name in (*overrides, *levels) if name)]


def _choice(settings: Settings, setting: str, name: str, base_url: str = "") -> ModelConfig:
    provider, model = _parsed(setting, name)
    _check_installed(setting, name, provider)
    endpoint = _endpoint(settings, provider, base_url.rstrip("/"))
    if not endpoint.base_url and not endpoint.key.get_secret_value():
        keys = [f"OMOIDE_{provider.upper()}_API_KEY"]
        if provider == _parsed("model", settings.model)[0] and not settings.model_base_url:
            keys.insert(0, "OMOIDE_MODEL_API_KEY")
        raise SettingsError(f"OMOIDE_{setting.upper()} is {name!r}, which needs a key: set {' or '.join(keys)}.")
    return ModelConfig(name, model, endpoint)


def _parsed(setting: str, name: str) -> tuple[Provider, str]:
    prefix, _, model = name.partition(":")
    provider = _PROVIDERS.get(prefix)
    if provider is None or not model:
        raise SettingsError(
            f"OMOIDE_{setting.upper()} is {name!r}; it must be 'openai:<model>', 'anthropic:<model>' or "
            "'google:<model>'."
        )
    return provider, model


def _check_installed(setting: str, name: str, provider: Provider) -> None:
    if not (_is_installed("pydantic_ai") and _is_installed(_PACKAGES[provider])):
        raise SettingsError(
            f"OMOIDE_{setting.upper()} is {name!r}, which needs an extra: pip install 'omoide[{provider}]'."
        )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # the parent package is missing, or is blocked in `sys.modules`
        return False


def _endpoint(settings: Settings, provider: Provider, base_url: str) -> Endpoint:
    """The endpoint of a provider. A key is sent only to the endpoint that it was configured for."""
    own_key: SecretStr = getattr(settings, f"{provider}_api_key")
    if not settings.model:
        return Endpoint(provider, base_url, own_key)
    is_main = provider == _parsed("model", settings.model)[0]
    main_url = settings.model_base_url.rstrip("/")
    if is_main and base_url in ("", main_url):
        key = settings.model_api_key
        return Endpoint(provider, main_url, key if main_url or key.get_secret_value() else own_key)
    return Endpoint(provider, base_url, own_key)
