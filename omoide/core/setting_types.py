"""Groups and custom types of settings: lists, origins, networks, endpoints, paths."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_settings import NoDecode

from omoide.core.database_location import IS_POSTGRESQL, DatabaseLocation, DatabaseUrl, is_url
from omoide.core.redaction import is_http_url


class SettingGroup(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(defer_build=True)


def is_loopback(host: str) -> bool:
    """Whether an address is a loopback address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


def _split_commas(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _resolve_path(path: Path) -> Path:
    """Resolve symbolic links, because lock files next to a link would differ from those next to its target."""
    try:
        path = path.expanduser()
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError) as error:
        raise ValueError(str(error)) from error


def _locate(value: Any) -> Any:
    if isinstance(value, str | Path) and not is_url(str(value)):
        return _resolve_path(Path(value))
    return DatabaseUrl(value) if isinstance(value, str) else value


def _require_engine(location: DatabaseLocation) -> DatabaseLocation:
    if isinstance(location, DatabaseUrl) != IS_POSTGRESQL:
        raise ValueError("the engine is selected at start: set OMOIDE_DB, or pass --db")
    return location


def _require_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"'{origin}' is not an origin: use one such as https://app.example.org or http://localhost:3000, or *"
            )
    return origins


def _require_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    for network in networks:
        if network != "*":
            ip_network(network)  # raises ValueError with the reason
    return networks


def _require_endpoint(url: str) -> str:
    if url and not is_http_url(url):
        raise ValueError("an endpoint must start with http:// or https:// and a host name, and contain no spaces")
    return url


def _require_endpoints(urls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_require_endpoint(url) for url in urls)


def _require_public_url(url: str) -> str:
    if set(url) & set('?#@"\\'):
        raise ValueError("a public URL has no user, query or fragment")
    return _require_endpoint(url).rstrip("/")


def _parse_json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"not valid JSON: {error}") from error


JsonTable = (NoDecode, BeforeValidator(_parse_json))
"""Metadata of a table that is JSON in the environment."""

CaseInsensitive = BeforeValidator(_lower)
"""For a `Literal` of lower-case words: ignores case and surrounding whitespace."""

CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
"""Strings, comma-separated in the environment."""

Origins = Annotated[CommaSeparated, AfterValidator(_require_origins)]
Networks = Annotated[CommaSeparated, AfterValidator(_require_networks)]
Endpoint = Annotated[str, AfterValidator(_require_endpoint)]
"""The URL of an HTTP endpoint, or empty."""
PublicUrl = Annotated[str, AfterValidator(_require_public_url)]
"""The base URL of a server, or empty."""
Endpoints = Annotated[CommaSeparated, AfterValidator(_require_endpoints)]

DatabaseSetting = Annotated[DatabaseLocation, BeforeValidator(_locate), AfterValidator(_require_engine)]
"""A path in which a leading `~` and a symbolic link are resolved, or a URL."""
