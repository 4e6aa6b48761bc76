"""From an OpenAPI 3.1 document to a running application.

This package is the engine of spec-first work. It loads and checks the document, writes models and Protocols from it
(`generate`), and at start-up compiles every operation into one function from request to response (`operation`), inside
Connexion's routing, security and error middlewares. It knows nothing of what the operations do.
"""

import importlib.util
import sys

from omoide.deferred import deferred


def _without_front_door(name: str) -> bool:
    """Make the package's modules importable without running its `__init__`. False if it is not installed."""
    if name in sys.modules:
        return True
    if (spec := importlib.util.find_spec(name)) is None:
        return False
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return True


# Connexion's `__init__` loads its applications, and with them Starlette's test client. The modules that are used here
# load an HTTP client for OAuth, another for references to other hosts, and a template engine for documents that are
# templates: together a quarter of a start, for nothing. A build, which only generates, has no Connexion.
if _without_front_door("connexion"):
    with deferred("httpx", "jinja2", "requests"):
        import connexion.middleware.main as _  # noqa: F401
