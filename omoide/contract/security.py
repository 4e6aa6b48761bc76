"""Between Connexion's security wiring and the application's decision.

Connexion reads each operation's `security` at start-up and asks for a function that checks a request. Its own bearer
handler forgets the role names of the requirement; this one hands them to the application, once per operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connexion.lifecycle import ConnexionRequest
from connexion.security import AbstractSecurityHandler
from starlette.types import Scope

PRINCIPAL = "principal"

Check = Callable[[str | None, Mapping[str, str]], Any]
"""From the Authorization header and the path's parameters to the principal; raises what should be answered."""

Authorize = Callable[[frozenset[str]], Check]
"""From the role names of a security requirement to the check for it."""


def bearer(authorize: Authorize) -> type[AbstractSecurityHandler]:
    """The handler class that Connexion wants for `scheme: bearer`."""

    class Bearer(AbstractSecurityHandler):
        def get_fn(self, security_scheme: dict[str, Any], required_scopes: list[str]) -> Callable[..., Any]:
            check = authorize(frozenset(required_scopes))

            def verify(request: ConnexionRequest) -> Any:
                scope: Scope = request.scope
                # Connexion looks for an OAuth subject in the result, so it must be a dictionary.
                return {PRINCIPAL: check(_authorization(scope), scope["path_params"])}

            return verify

    return Bearer


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value, "latin-1")
    return None


def principal(scope: Scope) -> Any:
    """What the check returned for this request; None where the operation needs no security."""
    context = scope["extensions"].get("connexion_context")
    return context["token_info"][PRINCIPAL] if context else None
