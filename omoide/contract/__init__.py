"""Serve an OpenAPI 3.1 document as an ASGI application.

The package loads and checks the document, generates models and Protocols from it (`generate`), and at start-up compiles
every operation into one function from request to response (`operation`), inside Connexion's routing, security and error
middlewares. It is independent of what the operations do.
"""

import importlib.util
import sys

from omoide.core.lazy_import import lazy_import


def _without_front_door(name: str) -> bool:
    """Make a package's modules importable without running its `__init__`. Return False if it is not installed."""
    if name in sys.modules:
        return True
    if (spec := importlib.util.find_spec(name)) is None:
        return False
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return True


# Connexion's `__init__` loads its applications and Starlette's test client. The modules used here load two HTTP clients
# (OAuth, remote references) and a template engine, none of which is needed: together a quarter of the start-up time.
# A build only generates code, and has no Connexion installed.
if _without_front_door("connexion"):
    with lazy_import("httpx", "jinja2", "requests"):
        import connexion.middleware.main as _  # noqa: F401
