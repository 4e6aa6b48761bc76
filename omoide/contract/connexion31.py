"""Connexion 3.3 made to take an OpenAPI 3.1 document, by subclassing.

Stock Connexion refuses anything but 3.0. Here it holds the real 3.1 document: `Specification31` leaves the judgement to
`checks.load`, and `SpecFirst.add_api` builds that class instead of letting Connexion choose its own. Bodies and types
are compiled from the raw document, never from Connexion's resolved copy, which loses keywords beside a `$ref`.
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
        return {}  # Connexion cannot read 3.1 type lists; the compiled operation types its own parameters.


class Specification31(OpenAPISpecification):
    operation_cls = Operation31

    @classmethod
    def _validate_spec(cls, spec: dict[str, Any]) -> None:
        """Nothing: `checks.load` has judged the document before it comes here."""


class TagResolver(Resolver):
    """Finds the handler of an operation: `<package>.<first tag>.<x-handler or operationId>`."""

    def __init__(self, package: str) -> None:
        super().__init__()
        self.package = package

    def resolve_operation_id(self, operation: AbstractOperation) -> str:
        raw = operation._operation
        return f"{self.package}.{raw['tags'][0]}.{raw.get('x-handler', raw['operationId'])}"


class SpecFirst(ConnexionMiddleware):
    """ConnexionMiddleware that takes a checked Document and is built at once, so that a fault shows before serving."""

    def add_document(self, document: Document) -> None:
        # An explicit base path: a server URL in the document must never move the routes.
        specification = Specification31(dict(document.raw))
        self.apis.append(API(specification, base_path="", **self.options.replace().__dict__))

    def build(self) -> None:
        """Assemble the middlewares now instead of at the first message, where an error would be swallowed."""
        self.app, self.middleware_stack = self._build_middleware_stack()
