"""Compile operations with `x-mcp-prompt` into prompts of MCP, whose text is the operation's answer.

x-mcp-prompt:
  name: memory            operations of the same name become one prompt: the arguments given select one
  title: …                of the prompt; said once, with the description
  description: …
  arguments:
    peer:                 the argument, as users see it
      sends: peer_id      the operation's parameter that it sets, if its name is another
      ids: peer_id        values are completed from the list with these `x-mcp-ids`
      default: …          sent if it is not given
      required: true      else it is if each of the operations needs it
      description: …
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omoide.contract.document import Document, OperationSpec
from omoide.contract.errors import BrokenDocument
from omoide.contract.resources import compiled_ids, operation_of, path_names
from omoide.contract.tools import ToolOperation, ToolRequest

KEY = "x-mcp-prompt"
WORKSPACE, WORKSPACE_ID = "workspace", "workspace_id"


@dataclass(frozen=True, slots=True)
class PromptOperation:
    """One of the operations that a prompt can be made of."""

    operation: ToolOperation
    required: frozenset[str]
    defaults: Mapping[str, Any]

    def call(self, given: Mapping[str, str]) -> ToolRequest:
        """The request for these arguments, all of which the operation takes."""
        return self.operation.call({**self.defaults, **given})


@dataclass(slots=True)
class DeclaredPrompt:
    """A prompt, with the operations that its arguments select from."""

    name: str
    title: str = ""
    description: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    """Name → description."""
    ids: dict[str, str] = field(default_factory=dict)
    """Argument → variable of the list that completes it."""
    operations: list[PromptOperation] = field(default_factory=list)

    @property
    def required(self) -> frozenset[str]:
        """The arguments that each operation needs."""
        return frozenset.intersection(*(each.required for each in self.operations))

    def selected(self, given: Mapping[str, str]) -> PromptOperation | None:
        """The operation that takes the arguments and needs no others; None if there is none."""
        taking = (each for each in self.operations if given.keys() <= each.operation.arguments.keys())
        return next((each for each in taking if each.required <= given.keys()), None)


def compiled_prompts(document: Document) -> dict[str, DeclaredPrompt]:
    """The document's prompts by name. Raises BrokenDocument for an argument that sets or completes nothing."""
    prompts: dict[str, DeclaredPrompt] = {}
    for spec in document.operations():
        if (declared := spec.raw.get(KEY)) is not None:
            prompt = prompts.setdefault(declared["name"], DeclaredPrompt(declared["name"]))
            _add(prompt, spec, document, declared)
    known = compiled_ids(document)
    for prompt in prompts.values():
        if unknown := [ids for ids in prompt.ids.values() if ids not in known]:
            raise BrokenDocument(f"{KEY}: no list has `x-mcp-ids: {unknown[0]}`")
        if lacking := [name for name, about in prompt.arguments.items() if not about]:
            raise BrokenDocument(f"{KEY}: the argument '{lacking[0]}' of '{prompt.name}' has no description")
        fullest = max((each.operation.arguments for each in prompt.operations), key=len)
        prompt.arguments = {**dict.fromkeys(fullest, ""), **prompt.arguments}
    return prompts


def _add(prompt: DeclaredPrompt, spec: OperationSpec, document: Document, declared: Mapping[str, Any]) -> None:
    arguments: dict[str, dict[str, Any]] = dict(declared["arguments"])
    if WORKSPACE_ID in path_names(spec):
        about = "The workspace of the memory."
        arguments[WORKSPACE] = {"sends": WORKSPACE_ID, "ids": WORKSPACE_ID, "description": about}
    prompt.title = declared.get("title") or prompt.title
    prompt.description = declared.get("description") or prompt.description
    for name, argument in arguments.items():
        prompt.arguments[name] = argument.get("description") or prompt.arguments.get(name, "")
        if "ids" in argument:
            prompt.ids[name] = argument["ids"]
    operation = operation_of(spec, document, KEY, arguments)
    in_path = {name for name, argument in operation.arguments.items() if argument.place == "path"}
    needed = in_path.union(name for name, argument in arguments.items() if argument.get("required"))
    defaults = {name: argument["default"] for name, argument in arguments.items() if "default" in argument}
    prompt.operations.append(PromptOperation(operation, frozenset(needed), defaults))
