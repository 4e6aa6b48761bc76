"""Connect Connexion's security wiring to the application's authorization.

Connexion reads each operation's `security` at start-up and requests a function that checks a request. Its own bearer
handler drops the role names of the requirement; this one passes them to the application, once per operation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from connexion.lifecycle import ConnexionRequest
from connexion.middleware.security import SecurityOperation
from connexion.operations import AbstractOperation
from connexion.security import AbstractSecurityHandler, SecurityHandlerFactory
from starlette.types import ASGIApp, Receive, Scope, Send

PRINCIPAL = "principal"

Check = Callable[[str | None, Mapping[str, str]], Awaitable[Any]]
"""Returns the principal for an Authorization header and path parameters; raises the error to answer with."""

Authorize = Callable[[frozenset[str]], Check]
"""Creates the check for the role names of a security requirement."""


class Requirement:
    """A security requirement, callable as Connexion expects. Stores the principal in the scope."""

    def __init__(self, check: Check) -> None:
        self.check = check

    async def __call__(self, request: ConnexionRequest) -> dict[str, Any]:
        scope = request.scope
        scope["extensions"][PRINCIPAL] = await self.check(_authorization(scope), scope["path_params"])
        return {}  # Connexion looks for an OAuth subject in the result, so it must be a dictionary


def bearer(authorize: Authorize) -> SecurityHandlerFactory:
    """A factory that makes Connexion call `authorize` for `scheme: bearer`."""

    class Bearer(AbstractSecurityHandler):
        def get_fn(self, security_scheme: dict[str, Any], required_scopes: list[str]) -> Requirement:
            return Requirement(authorize(frozenset(required_scopes)))

    return SecurityHandlerFactory({"bearer": Bearer})


def guarded(operation: AbstractOperation, app: ASGIApp, wiring: SecurityHandlerFactory) -> ASGIApp:
    """Wrap the application in the operation's `security`; return it unchanged if there is none."""
    if not operation.security:
        return app
    if len(operation.security) == 1 and len(operation.security[0]) == 1:
        ((scheme, roles),) = operation.security[0].items()
        requirement = wiring.parse_security_scheme(operation.security_schemes[scheme], roles)
        if isinstance(requirement, Requirement):
            return Guard(requirement.check, app)
    # Alternatives or combinations: Connexion's own class, which creates a request object and tries them in turn.
    searching: ASGIApp = SecurityOperation.from_operation(operation, next_app=app, security_handler_factory=wiring)
    return searching


class Guard:
    """Checks one requirement before it calls the application, as `Requirement`, but without a request object."""

    def __init__(self, check: Check, app: ASGIApp) -> None:
        self.check = check
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][PRINCIPAL] = await self.check(_authorization(scope), scope["path_params"])
        await self.app(scope, receive, send)


def _authorization(scope: Scope) -> str | None:
    """The header's value. Several are joined as in HTTP, which every check refuses."""
    found: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            found = value if found is None else found + b", " + value
    return None if found is None else str(found, "latin-1")


def principal(scope: Scope) -> Any:
    """The principal of this request; None if the operation needs no security."""
    return scope["extensions"].get(PRINCIPAL)
