"""Read the settings of a command, and report errors in one line.

Apart from `bootstrap`, because most commands need neither the application nor a worker.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from omoide.core import logging_config
from omoide.core.lazy_import import lazy_import
from omoide.core.settings import PREFIX, Settings, SettingsError

with lazy_import("difflib"):
    import difflib

logger = logging.getLogger("omoide.settings")


def read_settings(**given: Any) -> Settings:
    """Read the settings; arguments that are not None take precedence.

    Exits with an error message if one is invalid, and warns of unknown variables with the settings' prefix.
    """
    settings = _settings(given)
    for warning in _warnings():
        click.echo(f"Warning: {warning}", err=True)
    return settings


def read_settings_and_log(**given: Any) -> Settings:
    """Like `read_settings`, for servers: configures logging first, and logs the warnings."""
    settings = _settings(given)
    logging_config.configure(settings.log_format, settings.log_level)
    for warning in _warnings():
        logger.warning(warning)
    return settings


def _settings(given: dict[str, Any]) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except ValidationError as error:
        raise click.ClickException("; ".join(map(_told, error.errors()))) from error


def _told(fault: ErrorDetails) -> str:
    """The error message for an invalid setting. Errors that concern several settings have no `loc`."""
    message = "unknown setting" if fault["type"] == "extra_forbidden" else fault["msg"]
    is_key = fault["loc"][-1:] == ("[key]",)  # of a table, which pydantic names after the key
    place = ".".join(map(str, fault["loc"][:-1] if is_key else fault["loc"]))
    return ": ".join([*([place] if place else []), message.removeprefix("Value error, ")])


def _warnings() -> list[str]:
    return [
        f"unknown setting {name}" + (f": did you mean {meant}?" if meant else "")
        for name, meant in unknown_variables(os.environ).items()
    ]


OF_AGENTS = ("key", "url", "workspace")
"""Variables with the settings' prefix that `omoide mcp` reads."""


def unknown_variables(environment: Iterable[str]) -> dict[str, str | None]:
    """Unknown variables with the settings' prefix, each with the most similar setting or None."""
    known = [f"{PREFIX}{name.upper()}" for name in (*Settings.model_fields, *OF_AGENTS)]
    strange = sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
    return {name: next(iter(difflib.get_close_matches(name.upper(), known, 1, 0.85)), None) for name in strange}
