"""pydantic-ai models for what was chosen: one HTTP client for all, an address and a key that are always given.

Providers' packages look into the environment for addresses and keys of their own; as both are given here, no request
goes anywhere that the settings do not name.
"""

from __future__ import annotations

from typing import Literal

import httpx2
from pydantic_ai.models import Model
from pydantic_ai.profiles import ModelProfile, merge_profile

from omoide.inference.model_choice import Endpoint, ModelChoice

OutputMode = Literal["schema", "json", "prompt"]

OPENAI_BASE_URL = "https://api.openai.com/v1"
ANTHROPIC_BASE_URL = "https://api.anthropic.com"
GOOGLE_BASE_URL = "https://generativelanguage.googleapis.com"

# Nobody knows what a server can do whose name says only how it is spoken to: it is asked, and may refuse.
_EVERY_FORM: ModelProfile = {"supports_json_schema_output": True, "supports_json_object_output": True}

# The SDKs want some key even for an endpoint that asks for none.
_NO_KEY = "no-key"


def provider_model(choice: ModelChoice, client: httpx2.AsyncClient, mode: OutputMode | None = None) -> Model:
    """The model, asked through `client`. `mode` says which forms of output it is taken to know; none, its own."""
    if choice.endpoint.provider == "openai":
        return _openai(choice, client, mode)
    if choice.endpoint.provider == "anthropic":
        return _anthropic(choice, client, mode)
    return _google(choice, client, mode)


def _openai(choice: ModelChoice, client: httpx2.AsyncClient, mode: OutputMode | None) -> Model:
    # Imported here, as in the two functions below: each is an extra, and only one of them may be installed.
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    base_url, key = choice.endpoint.base_url, _key(choice.endpoint)
    if not base_url:
        provider = OpenAIProvider(base_url=OPENAI_BASE_URL, api_key=key, http_client=client)
        return OpenAIChatModel(choice.model, provider=provider, profile=_form(mode))
    compatible = OpenAICompatibleProvider("openai-compatible", base_url=base_url, api_key=key, http_client=client)
    # The older name of the field for a limit of tokens is the one that every server knows; OpenAI's reasoning models
    # alone refuse it.
    is_reasoning = (compatible.model_profile(choice.model) or {}).get("openai_supports_reasoning", False)
    limit = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=bool(is_reasoning))
    return OpenAIChatModel(choice.model, provider=compatible, profile=merge_profile(limit, _EVERY_FORM, _form(mode)))


def _anthropic(choice: ModelChoice, client: httpx2.AsyncClient, mode: OutputMode | None) -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    base_url = choice.endpoint.base_url or ANTHROPIC_BASE_URL
    provider = AnthropicProvider(base_url=base_url, api_key=_key(choice.endpoint), http_client=client)
    return AnthropicModel(choice.model, provider=provider, profile=_form(mode))


def _google(choice: ModelChoice, client: httpx2.AsyncClient, mode: OutputMode | None) -> Model:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    base_url = choice.endpoint.base_url or GOOGLE_BASE_URL
    provider = GoogleProvider(base_url=base_url, api_key=_key(choice.endpoint), http_client=client)
    return GoogleModel(choice.model, provider=provider, profile=_form(mode))


def _key(endpoint: Endpoint) -> str:
    return endpoint.key.get_secret_value() or _NO_KEY


def _form(mode: OutputMode | None) -> ModelProfile | None:
    """What is changed in a model's profile so that no more is asked of its endpoint than `mode`."""
    if mode == "json":
        return {"supports_json_schema_output": False}
    if mode == "prompt":
        return {"supports_json_schema_output": False, "supports_json_object_output": False}
    return None
