"""The file `omoide.toml` as a source of settings."""

from __future__ import annotations

from typing import Any

from pydantic_settings import TomlConfigSettingsSource


class SettingsError(ValueError):
    """An invalid setting. The message is one line for the operator."""


class SettingsFile(TomlConfigSettingsSource):
    """`omoide.toml` as a source. Raises SettingsError if it cannot be read."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        try:
            return super()._read_file(file_path)
        except (OSError, ValueError) as error:  # not readable, or not TOML in UTF-8
            raise SettingsError(f"{file_path} cannot be read: {error}") from error
