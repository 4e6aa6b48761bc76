"""Fill a JSON Schema from the gathered statements: each property gets a value from evidence, or an empty one.

Slots are used first, then statements that match the property's name. Without evidence the value is the schema's
default, null, or an empty string or list; if the schema allows none of these, there is no answer. `value_extraction`
extracts values from statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema_rs import Draft202012Validator

from omoide.core import json_codec
from omoide.core.offload import offload
from omoide.core.records import Json
from omoide.inference.embedders import Embedder, EmbeddingFailed, Vectors
from omoide.reasoner.extractive import relevance, slot_answers, value_extraction
from omoide.reasoner.extractive.candidates import CandidateStatement, statements
from omoide.reasoner.extractive.questions import ParsedQuestion, parse_field
from omoide.reasoner.extractive.retrieval import BREADTHS, RetrievedContext, without_ended
from omoide.reasoner.extractive.terms import base_forms
from omoide.reasoner.extractive.value_extraction import FieldEvidence
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.output_schema import CHOICES, enforced, permits_null, resolved, types_of
from omoide.reasoner.protocol import Question
from omoide.reasoner.schema_coercion import SchemaCoercion

FOUND_FOR_A_FIELD = 8
"""Maximum conclusions retrieved per property."""
ANSWERS = frozenset(["answer", "response", "reply", "text", "content", "message", "result", "summary", "explanation"])
"""Names of properties that contain the answer to the question itself."""

Path = tuple[str, ...]


class Unfillable(Exception):
    """A part of the schema has no value and allows no empty one. Internal to this module."""


@dataclass(frozen=True, slots=True)
class AnswerField:
    """A leaf property of the schema."""

    path: Path
    description: str
    is_number: bool


async def gather_fields(
    schema: Json, question: Question, gathered: RetrievedContext, memory: MemoryView
) -> RetrievedContext:
    """Extend the gathered records by a search for each property, up to the number that the level allows."""
    conclusions = {each.id: each for each in gathered.conclusions}
    snippets = list(gathered.snippets)
    who = " ".join(gathered.asked.about)
    for field in fields(schema)[: BREADTHS[question.level].fields]:
        asked = _asked(gathered.asked, field)
        matches = await memory.search_memory(f"{who} {asked.text}".strip(), FOUND_FOR_A_FIELD)
        conclusions |= {each.id: each for each in matches if each.id not in conclusions}
        if not matches:
            snippets += await memory.search_messages(asked.text, FOUND_FOR_A_FIELD)
    known = list(conclusions.values())
    return RetrievedContext(gathered.asked, known, await without_ended(snippets, memory, known))


async def vectors_of(
    schema: Json, asked: ParsedQuestion, candidates: Sequence[CandidateStatement], embedder: Embedder
) -> Vectors | None:
    """Embed fields and candidates, in this order: shape (fields + candidates, dimensions). None if embedding fails."""
    texts = [" ".join(_asked(asked, field).terms) for field in fields(schema)]
    try:
        return await embedder.embed([*texts, *relevance.texts_compared(asked, candidates)[1:]])
    except EmbeddingFailed:
        return None


def filled(
    schema: Json,
    asked: ParsedQuestion,
    candidates: Sequence[CandidateStatement],
    vectors: Vectors | None,
    answer: str | None,
) -> str:
    """Return JSON text that is valid against the resolved schema; empty if the schema cannot be filled.

    `answer` is the answer to the question itself, if there is one; `vectors` are from `vectors_of`.
    """
    try:
        value = _Filling(schema, asked, candidates, vectors, answer).value(schema, ())
        return json_codec.dumps(value).decode() if _passes(schema, value) else ""
    except (Unfillable, ValueError, TypeError):
        return ""


def fields(schema: Json, path: Path = ()) -> list[AnswerField]:
    """Return the leaf properties in order, each path once."""
    return list({field.path: field for field in _fields(schema, path, "")}.values())


def _fields(node: Json, path: Path, outer: str) -> Iterator[AnswerField]:
    described = node.get("description", node.get("title", outer))
    description = described if isinstance(described, str) else outer
    if node.get("properties"):
        for name, each in node["properties"].items():
            yield from _fields(each, (*path, name), "")
        return
    branches = [branch for key in CHOICES for branch in node.get(key, ())]
    inner = [field for branch in branches if branch.get("properties") for field in _fields(branch, path, description)]
    yield from inner
    is_plain = not branches or any(not branch.get("properties") for branch in branches)
    if path and is_plain:
        yield AnswerField(path, description, bool({"integer", "number"} & _types(node)))


def _types(node: Json) -> set[str]:
    return {*types_of(node)}.union(*(_types(branch) for key in CHOICES for branch in node.get(key, ())))


def _asked(asked: ParsedQuestion, field: AnswerField) -> ParsedQuestion:
    return parse_field(asked, field.path, field.description, is_number=field.is_number)


def _passes(node: Json, value: Any) -> bool:
    return Draft202012Validator(enforced(node)).is_valid(value)


class _Filling:
    """Recursive filling of one schema. The evidence for a property is cached."""

    def __init__(
        self,
        schema: Json,
        asked: ParsedQuestion,
        candidates: Sequence[CandidateStatement],
        vectors: Vectors | None,
        answer: str | None,
    ) -> None:
        self._asked = asked
        self._candidates = candidates
        self._answer = answer
        self._foreign = {id(each) for each in candidates if relevance.is_of_another(asked, each, base_forms(each.text))}
        self._slots = slot_answers.read(candidates, asked.about)
        listed = fields(schema)
        self._fields = {field.path: (at, field) for at, field in enumerate(listed)}
        self._likeness = None if vectors is None else vectors[len(listed) :] @ vectors[: len(listed)].T
        self._known: dict[Path, FieldEvidence] = {}

    def value(self, node: Json, path: Path) -> Any:
        """Return the value from evidence, else an empty one. Raises Unfillable."""
        result = self._found(node, path)
        return self._empty(node, path) if result is None else result

    def _found(self, node: Json, path: Path) -> Any:
        """Return a valid value from evidence; None if there is none."""
        for key in CHOICES:
            for branch in node.get(key, ()):
                value = self._found(branch, path)
                if value is not None and _passes(node, value):
                    return value
        if node.get("properties"):
            return self._object(node, path)
        if path not in self._fields or any(key in node for key in CHOICES):
            return None
        evidence = self._evidence(path)
        for type in types_of(node) or ("string",):
            value = value_extraction.found(node, type, evidence)
            if value is not None and value_extraction.meets_wishes(node, value) and _passes(node, value):
                return value
        return None

    def _object(self, node: Json, path: Path) -> Json | None:
        """Return the object if there is evidence for any of its properties."""
        parts = {name: self._found(each, (*path, name)) for name, each in node["properties"].items()}
        if all(part is None for part in parts.values()):
            return None
        try:
            return {
                name: self._empty(node["properties"][name], (*path, name)) if part is None else part
                for name, part in parts.items()
            }
        except Unfillable:
            return None

    def _empty(self, node: Json, path: Path) -> Any:
        """Return the value without evidence: default, null, or an empty string, list or object. Raises Unfillable."""
        if "default" in node and _passes(node, node["default"]):
            return node["default"]
        if permits_null(node):
            return None
        for key in CHOICES:
            for branch in node.get(key, ()):
                try:
                    value = self._empty(branch, path)
                except Unfillable:
                    continue
                if _passes(node, value):
                    return value
        return self._empty_of_type(node, path)

    def _empty_of_type(self, node: Json, path: Path) -> Any:
        if "enum" not in node:
            for type in types_of(node):
                if type == "object":
                    properties = node.get("properties", {})
                    return {name: self._empty(each, (*path, name)) for name, each in properties.items()}
                if type in ("string", "array"):
                    return "" if type == "string" else []
        raise Unfillable

    def _evidence(self, path: Path) -> FieldEvidence:
        if path not in self._known:
            at, field = self._fields[path]
            asked = _asked(self._asked, field)
            likeness = None if self._likeness is None else self._likeness[:, at]
            slots = [slot for kinds in asked.kinds for slot in slot_answers.values(kinds, self._slots)]
            subjects = {each.slot.subject for each in slots}
            # With several peers it is ambiguous whose value is requested.
            usable = slots if len(subjects) == 1 else []
            barred = self._foreign | ({id(each.statement) for each in self._slots} if asked.kinds else set())
            self._known[path] = FieldEvidence(
                asked=asked,
                name=path[-1],
                slots=usable,
                candidates=self._candidates,
                scores=relevance.scores(asked, self._candidates, likeness),
                barred=barred,
                answer=self._answer if path[-1].lower() in ANSWERS else None,
            )
        return self._known[path]


def _conformed(text: str, conforming: SchemaCoercion) -> str:
    """Conform the JSON text to the caller's schema; empty if that is not possible."""
    try:
        return json_codec.dumps(conforming.conformed(json_codec.loads(text.encode()))).decode() if text else ""
    except ValueError:
        return ""


async def fill(
    question: Question, gathered: RetrievedContext, memory: MemoryView, embedder: Embedder, answer: str | None
) -> str:
    """Return JSON text for the question's response format, empty if it cannot be filled; `answer` as for `filled`."""
    own = question.response_format or {}
    schema, conforming = resolved(own), SchemaCoercion(own)
    gathered = await gather_fields(schema, question, gathered, memory)
    candidates = await offload(statements, question, gathered.asked, gathered.conclusions, gathered.snippets)
    vectors = await vectors_of(schema, gathered.asked, candidates, embedder)
    text = await offload(filled, schema, gathered.asked, candidates, vectors, answer)
    text = _conformed(text, conforming)
    if memory.tokens.count(text) <= BREADTHS[question.level].tokens:
        return text
    # Too long: use slots only, which are short, instead of statements.
    brief = filled(schema, gathered.asked, [each for each in candidates if each.filled()], None, None)
    brief = _conformed(brief, conforming)
    return brief if memory.tokens.count(brief) <= BREADTHS[question.level].tokens else ""
