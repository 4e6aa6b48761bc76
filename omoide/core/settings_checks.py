"""Settings that do not fit together."""

from __future__ import annotations

from typing import Any

MIN_SECRET_BYTES = 32


def check_settings(settings: Any) -> None:
    """Raise ValueError, with a sentence for the operator, if some of the settings contradict each other."""
    for check in (_check_summary_intervals, _require_main_model, _check_dependent_settings, _require_jwt_secret):
        if fault := check(settings):
            raise ValueError(fault)


def _check_summary_intervals(settings: Any) -> str | None:
    if settings.messages_per_short_summary >= settings.messages_per_long_summary:
        return "messages_per_short_summary must be less than messages_per_long_summary"
    return None


def _require_main_model(settings: Any) -> str | None:
    others = ("model_derive", "model_summary", "model_answer", "model_dream", "model_fallback", "model_base_url")
    if not settings.model and (given := [name for name in others if getattr(settings, name)]):
        return f"{given[0]} is set but model is empty: set OMOIDE_MODEL"
    return None


def _check_dependent_settings(settings: Any) -> str | None:
    if settings.rate_limit_burst and not settings.rate_limit_per_minute:
        return "rate_limit_burst is set but rate_limit_per_minute is 0: set OMOIDE_RATE_LIMIT_PER_MINUTE"
    if settings.embedder_base_url and not settings.embedder.startswith("openai:"):
        return f"embedder_base_url is set but embedder is {settings.embedder}: set OMOIDE_EMBEDDER"
    return None


def _require_jwt_secret(settings: Any) -> str | None:
    secret = settings.jwt_secret.get_secret_value()
    if settings.auth and not secret:
        return "auth is on but jwt_secret is empty: set OMOIDE_JWT_SECRET"
    # RFC 7518, section 3.2: a key for HS256 must be at least as long as the hash.
    if 0 < len(secret.encode()) < MIN_SECRET_BYTES:
        return f"jwt_secret must have at least {MIN_SECRET_BYTES} bytes"
    return None
