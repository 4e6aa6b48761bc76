"""Subclasses that make Connexion 3.3 accept an OpenAPI 3.1 document.

Stock Connexion refuses anything but 3.0. `Specification31` skips its validation, which `checks.load` has done, and
`SpecFirst.add_document` uses that class. Bodies and types are compiled from the raw document, never from Connexion's
resolved copy, which loses keywords next to a `$ref`.
"""

from __future__ import annotations

from typing import Any

from connexion.middleware.main import API, ConnexionMiddleware
from connexion.operations import AbstractOperation, OpenAPIOperation
from connexion.resolver import Resolver
from connexion.spec import OpenAPISpecification

from omoide.contract.document import Document


class Operation31(OpenAPIOperation):
    def get_path_parameter_types(self) -> dict[str, str]:
        return {}  # Connexion cannot read 3.1 type lists; the compiled operation converts its own parameters.


class Specification31(OpenAPISpecification):
    operation_cls = Operation31

    @classmethod
    def _validate_spec(cls, spec: dict[str, Any]) -> None:
        """Do nothing: `checks.load` has validated the document."""


class TagResolver(Resolver):
    """Resolves the handler of an operation: `<package>.<first tag>.<x-handler or operationId>`."""

    def __init__(self, package: str) -> None:
        super().__init__()
        self.package = package

    def resolve_operation_id(self, operation: AbstractOperation) -> str:
        raw = operation._operation
        return f"{self.package}.{raw['tags'][0]}.{raw.get('x-handler', raw['operationId'])}"


class SpecFirst(ConnexionMiddleware):
    """ConnexionMiddleware for a validated Document, built eagerly so that errors surface before serving."""

    def add_document(self, document: Document) -> None:
        # An explicit base path, so that server URLs in the document do not change the routes.
        specification = Specification31(dict(document.raw))
        self.apis.append(API(specification, base_path="", **self.options.replace().__dict__))

    def build(self) -> None:
        """Build the middleware stack now instead of at the first ASGI message, where an error would be swallowed."""
        self.app, self.middleware_stack = self._build_middleware_stack()
