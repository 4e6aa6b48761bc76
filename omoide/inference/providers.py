"""Create pydantic-ai models, with one HTTP client and an explicit address and key.

Providers' packages read addresses and keys from the environment. Both are always passed explicitly here, so requests go
only to endpoints named in the settings.
"""

from __future__ import annotations

from typing import Literal

import httpx2
from pydantic_ai.models import Model
from pydantic_ai.profiles import ModelProfile, merge_profile

from omoide.inference.model_config import Endpoint, ModelConfig

OutputMode = Literal["schema", "json", "prompt"]

OPENAI_BASE_URL = "https://api.openai.com/v1"
ANTHROPIC_BASE_URL = "https://api.anthropic.com"
GOOGLE_BASE_URL = "https://generativelanguage.googleapis.com"

# The features of a compatible server are unknown: every form is tried, and the server may refuse it.
_EVERY_FORM: ModelProfile = {"supports_json_schema_output": True, "supports_json_object_output": True}

# Thoughts in a text are found by `omoide.reasoner.agentic.thoughts`: pydantic-ai knows one pair of tags, and of a
# stream only tags that are an event of their own.
_NO_TAGS: ModelProfile = {"thinking_tags": ("\x00<no-thoughts>", "\x00</no-thoughts>")}

# The SDKs require a key even for an endpoint that needs none.
_NO_KEY = "no-key"


def provider_model(choice: ModelConfig, client: httpx2.AsyncClient, mode: OutputMode | None = None) -> Model:
    """Create the model. `mode` limits the output modes that it is assumed to support; None for its own profile."""
    if choice.endpoint.provider == "openai":
        return _openai(choice, client, mode)
    if choice.endpoint.provider == "anthropic":
        return _anthropic(choice, client, mode)
    return _google(choice, client, mode)


def _openai(choice: ModelConfig, client: httpx2.AsyncClient, mode: OutputMode | None) -> Model:
    # Imported here, as in the two functions below: each provider is an optional extra.
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    from omoide.inference.openai_chat import LenientChatModel

    base_url, key = choice.endpoint.base_url, _key(choice.endpoint)
    if not base_url:
        provider = OpenAIProvider(base_url=OPENAI_BASE_URL, api_key=key, http_client=client)
        return LenientChatModel(choice.model, provider=provider, profile=_form(mode))
    compatible = OpenAICompatibleProvider("openai-compatible", base_url=base_url, api_key=key, http_client=client)
    # Every server knows the older name of the token limit, `max_tokens`; only OpenAI's reasoning models refuse it.
    is_reasoning = (compatible.model_profile(choice.model) or {}).get("openai_supports_reasoning", False)
    limit = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=bool(is_reasoning))
    profile = merge_profile(limit, _EVERY_FORM, _NO_TAGS, _form(mode))
    return LenientChatModel(choice.model, provider=compatible, profile=profile)


def _anthropic(choice: ModelConfig, client: httpx2.AsyncClient, mode: OutputMode | None) -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    base_url = choice.endpoint.base_url or ANTHROPIC_BASE_URL
    provider = AnthropicProvider(base_url=base_url, api_key=_key(choice.endpoint), http_client=client)
    return AnthropicModel(choice.model, provider=provider, profile=_form(mode))


def _google(choice: ModelConfig, client: httpx2.AsyncClient, mode: OutputMode | None) -> Model:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    base_url = choice.endpoint.base_url or GOOGLE_BASE_URL
    provider = GoogleProvider(base_url=base_url, api_key=_key(choice.endpoint), http_client=client)
    return GoogleModel(choice.model, provider=provider, profile=_form(mode))


def _key(endpoint: Endpoint) -> str:
    return endpoint.key.get_secret_value() or _NO_KEY


def _form(mode: OutputMode | None) -> ModelProfile | None:
    """Overrides of a model's profile that limit it to `mode`."""
    if mode == "json":
        return {"supports_json_schema_output": False}
    if mode == "prompt":
        return {"supports_json_schema_output": False, "supports_json_object_output": False}
    return None
