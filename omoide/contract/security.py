"""Between Connexion's security wiring and the application's decision.

Connexion reads each operation's `security` at start-up and asks for a function that checks a request. Its own bearer
handler forgets the role names of the requirement; this one hands them to the application, once per operation.
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

Check = Callable[[str | None, Mapping[str, str]], Any]
"""From the Authorization header and the path's parameters to the principal; raises what should be answered."""

Authorize = Callable[[frozenset[str]], Check]
"""From the role names of a security requirement to the check for it."""


class Requirement:
    """One requirement of a key. Called as Connexion calls what it wires up; it leaves the principal in the scope."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def __call__(self, request: ConnexionRequest) -> dict[str, Any]:
        self.admit(request.scope)
        return {}  # Connexion looks for an OAuth subject in the result, so it must be a dictionary.

    def admit(self, scope: Scope) -> None:
        """Put who calls into the scope. Raises what the check raises."""
        scope["extensions"][PRINCIPAL] = self.check(_authorization(scope), scope["path_params"])


def bearer(authorize: Authorize) -> SecurityHandlerFactory:
    """What makes Connexion's wiring ask `authorize` for `scheme: bearer`."""

    class Bearer(AbstractSecurityHandler):
        def get_fn(self, security_scheme: dict[str, Any], required_scopes: list[str]) -> Requirement:
            return Requirement(authorize(frozenset(required_scopes)))

    return SecurityHandlerFactory({"bearer": Bearer})


def guarded(operation: AbstractOperation, app: ASGIApp, wiring: SecurityHandlerFactory) -> ASGIApp:
    """The application behind the operation's `security`: the application itself where that asks for nothing."""
    if not operation.security:
        return app
    if len(operation.security) == 1 and len(operation.security[0]) == 1:
        ((scheme, roles),) = operation.security[0].items()
        requirement = wiring.parse_security_scheme(operation.security_schemes[scheme], roles)
        if isinstance(requirement, Requirement):
            return Guard(requirement, app)
    # Alternatives, or several at once: Connexion's own, which makes a request object and tries them in turn.
    searching: ASGIApp = SecurityOperation.from_operation(operation, next_app=app, security_handler_factory=wiring)
    return searching


class Guard:
    """An application behind one requirement."""

    def __init__(self, requirement: Requirement, app: ASGIApp) -> None:
        self.requirement = requirement
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        self.requirement.admit(scope)
        return self.app(scope, receive, send)


def _authorization(scope: Scope) -> str | None:
    """The header's value; of several, all of them as HTTP joins them, which no check takes for one."""
    found: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            found = value if found is None else found + b", " + value
    return None if found is None else str(found, "latin-1")


def principal(scope: Scope) -> Any:
    """What the check returned for this request; None where the operation needs no security."""
    return scope["extensions"].get(PRINCIPAL)
