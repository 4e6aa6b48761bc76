"""The server's settings, read once at start and passed down; no other module reads the environment.

Sources in order of precedence: command-line options, environment variables `OMOIDE_…`, the file `omoide.toml` in the
working directory, the defaults here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import PrivateAttr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from omoide.core.errors import Unprocessable
from omoide.core.memory_settings import (
    ModelSettings,
    ReasoningSettings,
    SearchSettings,
    WebhookSettings,
    WorkerSettings,
)
from omoide.core.server_settings import MonitoringSettings, RequestSettings, ServerSettings, StorageSettings
from omoide.core.setting_types import is_loopback
from omoide.core.settings_checks import check_settings
from omoide.core.settings_file import SettingsError, SettingsFile

__all__ = ["PREFIX", "Settings", "SettingsError"]

PREFIX = "OMOIDE_"

SettingSource = Literal["default", "file", "environment", "command_line"]


# The fields of the last class come first.
class Settings(
    MonitoringSettings,
    WorkerSettings,
    WebhookSettings,
    ReasoningSettings,
    ModelSettings,
    SearchSettings,
    StorageSettings,
    RequestSettings,
    ServerSettings,
    BaseSettings,
):
    """The settings, immutable. Raises pydantic's ValidationError for an invalid value, and SettingsError for a file
    that cannot be read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        toml_file="omoide.toml",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )
    _given: dict[str, SettingSource] = PrivateAttr(default_factory=dict)

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        variables = {name.upper() for name, value in os.environ.items() if value}
        for name in self.model_fields_set:
            is_variable = f"{PREFIX}{name.upper()}" in variables
            self._given[name] = "command_line" if name in given else "environment" if is_variable else "file"

    def source(self, name: str) -> SettingSource:
        """Where the value of a setting comes from."""
        return self._given.get(name, "default")

    @classmethod
    def group(cls, name: str) -> str:
        """The name of the class that a setting belongs to, without its ending: `server`."""
        (group,) = (each for each in cls.__bases__ if name in each.__annotations__)
        return group.__name__.removesuffix("Settings").lower()

    @property
    def db_file(self) -> Path:
        """The database file. Raises Unprocessable if the data is in PostgreSQL."""
        if isinstance(self.db, Path):
            return self.db
        raise Unprocessable("This is for a database file. With PostgreSQL, use the tools of its server.")

    @property
    def has_database(self) -> bool:
        """Whether there is a database file, or a server that has the data."""
        return not isinstance(self.db, Path) or self.db.exists()

    @property
    def is_local(self) -> bool:
        """Whether the server can be reached from this machine only."""
        return is_loopback(self.host)

    @property
    def own_origins(self) -> tuple[str, ...]:
        """Origins of web pages that may use the API, in addition to that of a request's Host header."""
        scheme, _, after = self.public_url.partition("://")
        own = (f"{scheme}://{after.partition('/')[0]}".lower(),) if after else ()
        return (*self.cors_origins, *own)

    @property
    def shows_writes(self) -> bool:
        """Whether the page to look at memory offers changes."""
        return (self.is_local and not self.auth) if self.ui_writes is None else self.ui_writes

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SettingsFile(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        """Treat an empty value of the file as unset, like an empty variable."""
        return {key: value for key, value in values.items() if value != ""} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check(self) -> Settings:
        check_settings(self)
        return self
