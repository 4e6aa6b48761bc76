"""The server's settings, read once at start and passed down; no other module reads the environment.

Sources in order of precedence: command-line options, environment variables `OMOIDE_…`, the file `omoide.toml` in the
working directory, the defaults here.
"""

from __future__ import annotations

from typing import Any

from pydantic import model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

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
        env_prefix=PREFIX, toml_file="omoide.toml", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    @property
    def is_local(self) -> bool:
        """Whether the server can be reached from this machine only."""
        return is_loopback(self.host)

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
        """Treat an empty value, such as `OMOIDE_PORT=` in a compose file, as unset."""
        return {key: value for key, value in values.items() if value != ""} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check(self) -> Settings:
        check_settings(self)
        return self
