"""Where the data is: a file (SQLite), or the URL of a database (PostgreSQL).

A process uses one engine, and statements are composed for it when their modules are loaded. So the engine is selected
before the settings are read, from the sources that they have: `--db`, `OMOIDE_DB`, and `omoide.toml`.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

VARIABLE = "OMOIDE_DB"
SCHEMES = ("postgresql://", "postgres://")


class DatabaseUrl(str):
    """The URL of a PostgreSQL database, as libpq takes it."""

    __slots__ = ()


DatabaseLocation: TypeAlias = Path | DatabaseUrl

_PASSWORD = re.compile(r"(?<=://)([^:@/?]*):[^/?]*(?=@)|(?<=[?&])(?:ssl)?password=[^&]*&?")
"""Of the user, or as a parameter."""


def shown(location: DatabaseLocation) -> str:
    """The location as messages and logs name it: without passwords."""
    return _PASSWORD.sub(r"\1", location).rstrip("?&") if isinstance(location, DatabaseUrl) else str(location)


def is_url(text: str) -> bool:
    return text.startswith(SCHEMES)


def selected(arguments: Sequence[str]) -> str:
    """The location that the settings will have, as text; "" for the default. Ignores what is invalid."""
    for number, argument in enumerate(arguments):
        if argument == "--db" and number + 1 < len(arguments):
            return arguments[number + 1]
        if argument.startswith("--db="):
            return argument.removeprefix("--db=")
    if given := os.environ.get(VARIABLE):
        return given
    try:
        return str(tomllib.loads(Path("omoide.toml").read_text()).get("db", ""))
    except (OSError, ValueError):
        return ""


IS_POSTGRESQL = is_url(selected(sys.argv[1:]))
"""Whether this process uses PostgreSQL."""
