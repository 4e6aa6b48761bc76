"""The first argument of every handler."""

from __future__ import annotations

from typing import NamedTuple

from omoide.core.auth import Principal
from omoide.core.settings import Settings
from omoide.services.container import Services
from omoide.storage import Store


class Context(NamedTuple):
    """The services of the server, and the caller of one request."""

    services: Services
    principal: Principal

    @property
    def store(self) -> Store:
        return self.services.store

    @property
    def settings(self) -> Settings:
        return self.services.settings
