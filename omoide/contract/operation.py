"""Compile an operation at start-up into an ASGI application.

Everything that depends only on the document is computed once: validators for parameters and body, statuses, the
serializer. Each request is read, validated with one call for parameters and one for the body, handled and answered.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, get_type_hints

from jsonschema_rs import Draft202012Validator
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.types import Receive, Scope, Send

from omoide.contract import body as bodies
from omoide.contract import large_bodies, streams, validation_errors
from omoide.contract.annotations import is_file, python_name
from omoide.contract.document import FORM_MEDIA, Document, OperationSpec
from omoide.contract.errors import BrokenDocument, Fault, Invalid, Problem, WrongMediaType
from omoide.contract.parameters import Parameters
from omoide.contract.responses import Expand, ResponseWriter
from omoide.contract.security import Authorize

COMPILED = "contract.operation"
"""Key in the scope's extensions of the operation that serves the request."""

FORM = "contract.form"
"""Key in the scope's extensions of the request's form, whose files must be closed at the end."""

Handler = Callable[..., Awaitable[Any]]
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]
Translation = Callable[[Any], Problem]
Prepare = Callable[[Any, Mapping[str, Any]], Awaitable[Mapping[str, Any]] | None]


class AdmittedRequest(Protocol):
    """An admitted request. `turn`, if not None, must be awaited before the request is read."""

    turn: Awaitable[None] | None


class AdmissionControl(Protocol):
    """Limits the requests in progress, and decides when they may start."""

    def begin(self, scope: Scope, may_stream: bool, /) -> Any:
        """Register a request that has passed security; returns an `AdmittedRequest`. Raises Problem if there are too
        many."""
        ...

    def end(self, admitted: Any, may_stream: bool, /) -> None:
        """Unregister a request. Called once for each successful `begin`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """What a program supplies to have a document served."""

    handlers: str
    """The package with one module per tag."""
    protocols: Mapping[str, type]
    """Tag → generated Protocol."""
    authorize: Authorize
    make_context: Callable[[Scope], Any]
    """Creates the first argument of a handler from the request's scope."""
    max_body_bytes: int
    """The limit for operations without `x-max-body-bytes`."""
    prepare: Prepare | None = None
    """Called with the context and a handler's arguments, before the handler; returns its arguments, or None if they
    stay the same."""
    expand: Expand | None = None
    """See `ResponseWriter`."""
    admission_of: Callable[[str], AdmissionControl | None] = lambda _: None
    """The admission for an operation's path; None if its requests are not counted."""
    lifespan: Lifespan | None = None
    translations: Mapping[type[Exception], Translation] = field(default_factory=dict)
    """Converts the program's own exceptions to responses."""


class Body(Protocol):
    async def read(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, values: dict[str, Any]
    ) -> list[Fault]:
        """Add the body to the handler's arguments `values`, or return its faults."""
        ...


class JsonBody:
    """A JSON body: JSON Schema 2020-12 decides, pydantic converts."""

    def __init__(self, schema: Mapping[str, Any], document: Document, hint: Any, *, required: bool, limit: int) -> None:
        self.gate = Draft202012Validator(document.closed(schema))
        self.adapter = TypeAdapter(hint)
        self.required = required
        self.limit = limit

    async def read(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, values: dict[str, Any]
    ) -> list[Fault]:
        raw = await bodies.read(headers, receive, self.limit)
        if not raw:
            if self.required:
                return [validation_errors.missing(["body"])]
            return []
        media = headers.get(b"content-type", b"")
        if media != b"application/json" and not bodies.is_json(text := media.decode("latin-1")):
            raise WrongMediaType(text, "application/json")
        if len(raw) <= large_bodies.LARGE_BYTES:
            return self._take(bodies.parse_json(raw), values)
        value = await bodies.read_json(raw)
        async with large_bodies.turn():
            return self._take(value, values, is_large=True)

    def _take(self, value: Any, values: dict[str, Any], *, is_large: bool = False) -> list[Fault]:
        if not self.gate.is_valid(value):
            return validation_errors.explain(value, self.adapter, None if is_large else self.gate, at="body")
        try:
            values["body"] = self.adapter.validator.validate_python(value)
        except ValidationError as error:  # rules that JSON Schema does not assert, such as formats
            return validation_errors.of_pydantic(error, at="body")
        return []


class FormBody:
    """A multipart form, read into the generated `record`."""

    def __init__(self, schema: Mapping[str, Any], record: Callable[..., Any], *, limit: int) -> None:
        hints = get_type_hints(record, include_extras=True)
        self.record = record
        self.files = {name for name, field in schema["properties"].items() if is_file(field)}
        self.required = set(schema.get("required", ()))
        self.adapters = {
            name: TypeAdapter(hints[python_name(name)]) for name in schema["properties"] if name not in self.files
        }
        self.limit = limit

    async def read(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, values: dict[str, Any]
    ) -> list[Fault]:
        media = headers.get(b"content-type", b"").decode("latin-1")
        if not media.lower().startswith(FORM_MEDIA):
            raise WrongMediaType(media, FORM_MEDIA)
        count = len(self.files) + len(self.adapters)
        form = await bodies.read_form(scope, headers, receive, self.limit, fields=count)
        scope["extensions"][FORM] = form
        found = [*self._repeated(form)]
        fields: dict[str, Any] = {}
        for name in [*self.files, *self.adapters]:
            value = form.get(name)
            if value is None or value == "":
                if name in self.required:
                    found.append(validation_errors.missing(["body", name]))
                continue
            self._take(name, value, fields, found)
        if not found:
            values["body"] = self.record(**fields)
        return found or [*self._unknown_files(form)]

    def _repeated(self, form: FormData) -> Iterator[Fault]:
        """Faults for fields given more than once, whose other parts would be lost."""
        count = Counter(name for name, _ in form.multi_items())
        for name in [*self.files, *self.adapters]:
            if count[name] > 1:
                message = f"Value error, the form has {count[name]} parts of this name; it takes one"
                yield {"type": "value_error", "loc": ["body", name], "msg": message}

    def _unknown_files(self, form: FormData) -> Iterator[Fault]:
        """Faults for files under unknown names, whose content would be lost."""
        for name, value in form.multi_items():
            if isinstance(value, UploadFile) and name not in self.files and name not in self.adapters:
                message = f"Value error, the form takes no file of this name; it takes {', '.join(self.files)}"
                yield {"type": "value_error", "loc": ["body", name], "msg": message}

    def _take(self, name: str, value: str | UploadFile, fields: dict[str, Any], found: list[Fault]) -> None:
        if (name in self.files) != isinstance(value, UploadFile):
            expected = "a file" if name in self.files else "text"
            message = f"Value error, expected {expected}"
            found.append({"type": "value_error", "loc": ["body", name], "msg": message})
        elif name in self.files:
            fields[python_name(name)] = value
        else:
            try:
                fields[python_name(name)] = self.adapters[name].validate_python(value)
            except ValidationError as error:
                found += [
                    {**fault, "loc": ["body", name, *fault["loc"][1:]]}
                    for fault in validation_errors.of_pydantic(error, at="")
                ]


class CompiledParts(NamedTuple):
    """What depends on the document and its Protocol, and on no state of an application."""

    parameters: Parameters
    body: Body | None
    answer: ResponseWriter
    lists_faults: bool
    """See `_lists_faults`."""


_compiled: dict[tuple[object, ...], CompiledParts] = {}


def compiled_parts(spec: OperationSpec, document: Document, implementation: Implementation) -> CompiledParts:
    """Compile the parts once in a process, however many applications serve the document. Raises BrokenDocument."""
    method = getattr(implementation.protocols[spec.tag], spec.handler, None)
    if method is None:
        raise BrokenDocument(f"{spec.place}: generated/ has no '{spec.handler}': run make regenerate")
    limit = int(spec.raw.get("x-max-body-bytes", implementation.max_body_bytes))
    key = (document.digest, spec.path, spec.method, method, limit, implementation.expand)
    if key not in _compiled:
        hints = get_type_hints(method, include_extras=True)
        signature = inspect.signature(method).parameters.values()
        defaults = {p.name: p.default for p in signature if p.default is not inspect.Parameter.empty}
        _compiled[key] = CompiledParts(
            Parameters(spec, document, hints, defaults),
            _compile_body(spec, document, hints.get("body"), limit),
            ResponseWriter(spec, document, hints["return"], implementation.expand),
            _lists_faults(spec, document),
        )
    return _compiled[key]


class Operation:
    """An ASGI application that serves one operation."""

    def __init__(
        self, spec: OperationSpec, document: Document, implementation: Implementation, handler: Handler
    ) -> None:
        self.spec = spec
        self.handler = handler
        self.make_context = implementation.make_context
        self.prepare = implementation.prepare
        self.admission = implementation.admission_of(spec.path)
        self.parameters, self.body, self.answer, self.lists_faults = compiled_parts(spec, document, implementation)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][COMPILED] = self
        may_stream, admission = self.answer.may_stream, self.admission
        admitted: AdmittedRequest | None = None if admission is None else admission.begin(scope, may_stream)
        try:
            if admitted is not None and admitted.turn is not None:
                await admitted.turn
            headers = dict(scope["headers"])
            values, found = self.parameters.read(scope, headers)
            if self.body is not None:
                found += await self.body.read(scope, headers, receive, values)
            if found:
                raise Invalid(found)
            work = self._answer(self.make_context(scope), values, receive, send)
            await (streams.while_connected(receive, work) if may_stream else work)
        finally:
            if admission is not None:
                admission.end(admitted, may_stream)
            if FORM in scope["extensions"]:
                await scope["extensions"][FORM].close()

    async def _answer(self, context: Any, values: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if self.prepare is not None and (prepared := self.prepare(context, values)) is not None:
            values = await prepared
        await self.answer.send(await self.handler(context, **values), context, receive, send)


def _compile_body(spec: OperationSpec, document: Document, hint: Any, limit: int) -> Body | None:
    if spec.body is None:
        return None
    if (form := spec.form()) is not None:
        return FormBody(document.resolve(form), hint, limit=limit)
    content = next(iter(spec.body["content"].values()))
    return JsonBody(content["schema"], document, hint, required=spec.body.get("required", False), limit=limit)


def _lists_faults(spec: OperationSpec, document: Document) -> bool:
    """Whether the operation's 422 allows only a list of faults, so that a sentence must be wrapped in one."""
    response = document.resolve(spec.raw["responses"].get("422", {}))
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return False
    gate = Draft202012Validator(document.closed(schema))
    return not gate.is_valid({"detail": "a sentence"})
