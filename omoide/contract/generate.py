"""Generate generated/ from the document, and scaffold missing handlers.

    python -m omoide.contract.generate            rewrite generated/, add missing handlers
    python -m omoide.contract.generate --check    exit 1 and print a diff if generated/ is out of date

`models.py` comes from datamodel-code-generator. `parameters.py` has a record for the query parameters of each operation
and for its form. `protocols.py` has one Protocol per tag, from which the server compiles
its operations. `bindings.py` is for type checkers only and checks handlers/ against the Protocols.
"""

from __future__ import annotations

import argparse
import difflib
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from omoide.contract import checks, streams
from omoide.contract.annotations import Annotations, python_name
from omoide.contract.document import Document, OperationSpec
from omoide.contract.errors import BrokenDocument

MODEL_FLAGS = """\
--input-file-type openapi --output-model-type pydantic_v2.BaseModel --target-python-version 3.11
--target-pydantic-version 2.12 --use-annotated --enum-field-as-literal all --strict-nullable --collapse-root-models
--naming-strategy primary-first --use-typed-nullable-map-values --omit-redundant-constraints --use-double-quotes
--formatters builtin --disable-timestamp --strict-refs --output-datetime-class datetime
"""
TWIN = "document.json"
INIT = f'''from pathlib import Path

DOCUMENT = "%s"
"""Digest of the validated document that this was generated from."""

TWIN = Path(__file__).with_name("{TWIN}")
"""The document as JSON."""
'''
LINE = 120
HANDLERS, GENERATED = "omoide.handlers", "omoide.generated"
HEADER = '"""{about}\n\nGenerated from openapi.yaml by `make regenerate`. Do not edit.\n"""\n\n'


def models(document: Document) -> tuple[str, dict[str, str]]:
    """The text of models.py, and component name → class name. Raises BrokenDocument if generation fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output, metadata, source = folder / "models.py", folder / "metadata.json", folder / document.path.name
        source.write_bytes(document.source)
        command = [sys.executable, "-m", "datamodel_code_generator", *MODEL_FLAGS.split(), "--input", source.name]
        command += ["--output", str(output), "--emit-model-metadata", str(metadata)]
        # In a temporary folder, because the generator takes its line length from a pyproject.toml above it.
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokenDocument(f"datamodel-code-generator refused {document.path.name}:\n{done.stderr.strip()}")
        classes = {}
        for model in json.loads(metadata.read_text())["models"]:
            if model["source_path"][:2] == ["components", "schemas"] and len(model["source_path"]) == 3:
                classes[model["source_path"][2]] = model["class_name"]
        return output.read_text(), classes


class CodeWriter:
    """Writes Protocols, bindings and scaffolds for the operations."""

    def __init__(self, document: Document, classes: Mapping[str, str], handlers: str, generated: str) -> None:
        self.document = document
        self.handlers, self.generated = handlers, generated
        self.annotations = Annotations(document.raw.get("components", {}).get("schemas", {}), classes)
        self.by_tag: dict[str, list[OperationSpec]] = defaultdict(list)
        for operation in document.operations():
            self.by_tag[operation.tag].append(operation)

    def arguments(self, operation: OperationSpec, *, constrained: bool) -> Iterator[str]:
        """The handler's arguments after the context: path parameters, query, body; the optional ones last."""
        optional = []
        for parameter in operation.parameters:
            if parameter["in"] == "query":
                continue
            schema = self.document.resolve(parameter.get("schema", {}))
            text = f"{python_name(parameter['name'])}: {self.annotations.of(schema, constrained=constrained)}"
            if parameter.get("required"):
                yield text
            else:
                optional.append(f"{text} = {schema.get('default')!r}")
        if operation.query():
            yield f"query: parameters.{record_name(operation, 'Query')}"
        if operation.form() is not None:
            yield f"body: parameters.{record_name(operation, 'Form')}"
        elif operation.body is not None:
            content = next(iter(operation.body["content"].values()))
            text = f"body: {self.annotations.of(content['schema'], constrained=constrained)}"
            if operation.body.get("required"):
                yield text
            else:
                optional.append(f"{text} = None")
        yield from optional

    def parameters(self) -> str:
        """The text of parameters.py: a record for the query parameters of each operation, and one for its form."""
        lines = [HEADER.format(about="Records of query parameters and of forms, one for each operation that has them.")]
        lines.append(
            "from __future__ import annotations\n\nfrom dataclasses import dataclass\nfrom datetime import datetime\n"
            "from typing import Annotated, Any, Literal\n\nfrom pydantic import Field\n"
            f"from starlette.datastructures import UploadFile\n\nfrom {self.generated} import models\n"
        )
        for operation in chain.from_iterable(self.by_tag.values()):
            if query := operation.query():
                fields = {each["name"]: self.document.resolve(each.get("schema", {})) for each in query}
                required = {each["name"] for each in query if each.get("required")}
                lines += self._record(operation, "Query", fields, required)
            if (reference := operation.form()) is not None:
                form = self.document.resolve(reference)
                lines += self._record(operation, "Form", form["properties"], form.get("required", ()))
        return "".join(lines)

    def _record(
        self, operation: OperationSpec, kind: str, fields: Mapping[str, Any], required: Collection[str]
    ) -> Iterator[str]:
        yield f"\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass {record_name(operation, kind)}:\n"
        yield f'    """The {kind.lower()} of `{operation.handler}`."""\n\n'
        for name, schema in fields.items():
            default = "" if name in required else f" = {schema.get('default')!r}"
            yield f"    {python_name(name)}: {self.annotations.of(schema)}{default}\n"

    def result(self, operation: OperationSpec) -> str:
        """The return annotation: the body's type, in a tuple with the status if there are several."""
        kinds: dict[str, list[int]] = defaultdict(list)
        for status, response in operation.returned().items():
            content = self.document.resolve(response).get("content", {})
            kinds[self._content(content)].append(status)
        if len(operation.returned()) == 1:
            return next(iter(kinds))
        return " | ".join(f"tuple[Literal[{', '.join(map(str, codes))}], {kind}]" for kind, codes in kinds.items())

    def _content(self, content: Mapping[str, Mapping[str, Mapping[str, object]]]) -> str:
        kinds = []
        if "application/json" in content:
            kinds.append(self.annotations.of(content["application/json"]["schema"], constrained=False))
        if any(media in streams.MEDIA_TYPES for media in content):
            kinds.append("AsyncIterator[bytes]")
        if any(media.startswith("text/plain") for media in content):
            kinds.append("str")
        return " | ".join(kinds) or "None"

    def signature(self, operation: OperationSpec, *, receiver: tuple[str, ...] = (), constrained: bool = True) -> str:
        arguments = [*self.arguments(operation, constrained=constrained)]
        everything = [*receiver, "context: Context", *(["*"] if arguments else []), *arguments]
        start, end = f"async def {operation.handler}(", f") -> {self.result(operation)}:"
        if len(line := start + ", ".join(everything) + end) <= LINE - 4 * len(receiver):
            return line
        indent = "    " * (1 + len(receiver))
        return start + "".join(f"\n{indent}{argument}," for argument in everything) + f"\n{indent[4:]}{end}"

    def protocols(self) -> str:
        lines = [HEADER.format(about="Protocols that handlers/ implements: one per tag, one method per operation.")]
        lines.append(
            "from __future__ import annotations\n\nfrom collections.abc import AsyncIterator\n"
            "from datetime import datetime\nfrom typing import Annotated, Any, Literal, Protocol\n\n"
            "from pydantic import Field\nfrom starlette.datastructures import UploadFile\n\n"
            f"from {self.generated} import models, parameters\nfrom {self.handlers}.context import Context\n"
        )
        for tag, operations in self.by_tag.items():
            lines.append(f"\n\nclass {class_name(tag)}(Protocol):\n")
            for operation in operations:
                statuses = ", ".join(map(str, operation.returned()))
                summary = f"{operation.method.upper()} {operation.path} -> {statuses}"
                lines.append(f"    {self.signature(operation, receiver=('self',))}\n")
                lines.append(f'        """{summary}"""\n        ...\n\n')
            lines[-1] = lines[-1].rstrip("\n") + "\n"
        table = "".join(f'    "{tag}": {class_name(tag)},\n' for tag in self.by_tag)
        lines.append(f"\n\nBY_TAG: dict[str, type] = {{\n{table}}}\n")
        return "".join(lines)

    def bindings(self) -> str:
        lines = [HEADER.format(about="Checks every module of handlers/ against its Protocol; for type checkers only.")]
        lines.append("from __future__ import annotations\n\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n")
        lines += [f"    import {self.handlers}.{tag}\n" for tag in sorted(self.by_tag)]
        lines.append(f"    from {self.generated} import protocols\n\n")
        lines += [f"    {tag}: protocols.{class_name(tag)} = {self.handlers}.{tag}\n" for tag in self.by_tag]
        return "".join(lines)

    def scaffold(self, folder: Path) -> list[str]:
        """Append a function that answers 501 for each operation without one; return the functions added."""
        added = []
        for tag, operations in self.by_tag.items():
            module = folder / f"{tag}.py"
            known = checks.functions(module) if module.exists() else {}
            missing = [operation for operation in operations if operation.handler not in known]
            if not missing:
                continue
            text = module.read_text(encoding="utf-8") if module.exists() else self._empty_module(tag)
            for operation in missing:
                text += f"\n\n{self.signature(operation, constrained=False)}\n"
                text += f'    """{operation.raw.get("summary", operation.handler).capitalize()}."""\n'
                text += f'    raise NotImplementedError("{operation.handler}")\n'
                added.append(f"{folder.name}/{tag}.py: {operation.handler}")
            if "parameters." in text:
                line = f"from {self.generated} import models"
                text = text.replace(f"{line}\n", f"{line}, parameters\n")
            module.write_text(text, encoding="utf-8")
        return added

    def _empty_module(self, tag: str) -> str:
        return (
            f'"""The operations of the tag `{tag}`."""\n\nfrom __future__ import annotations\n\n'
            f"from {self.generated} import models\nfrom {self.handlers}.context import Context\n"
        )


def class_name(tag: str) -> str:
    """The name of a tag's Protocol."""
    return f"{_joined(tag)}Api"


def record_name(operation: OperationSpec, kind: str) -> str:
    """The name of the record of the operation's query or form."""
    return f"{_joined(operation.handler)}{kind}"


def _joined(name: str) -> str:
    return "".join(part.title() for part in name.replace("-", "_").split("_"))


def generate(
    document: Document, *, handlers: str = HANDLERS, generated: str = GENERATED
) -> tuple[dict[str, str], CodeWriter]:
    """File name → text of all generated files. Raises BrokenDocument.

    handlers, generated: the names by which these packages are imported.
    """
    text, classes = models(document)
    writer = CodeWriter(document, classes, handlers, generated)
    return {
        "__init__.py": HEADER.format(about="Python code generated from openapi.yaml.") + INIT % document.digest,
        TWIN: document.twin,
        "models.py": text,
        "parameters.py": writer.parameters(),
        "protocols.py": writer.protocols(),
        "bindings.py": writer.bindings(),
    }, writer


def write(files: Mapping[str, str], target: Path) -> None:
    """Write the files to the target folder, skipping those that are up to date."""
    target.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = target / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def difference(files: Mapping[str, str], target: Path) -> str:
    """A unified diff from the files in the target folder to `files`; empty if they are equal."""
    parts: list[str] = []
    for name, text in files.items():
        path = target / name
        old = path.read_text().splitlines(keepends=True) if path.exists() else []
        parts += difflib.unified_diff(old, text.splitlines(keepends=True), f"{target.name}/{name}", "openapi.yaml")
    return "".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on a difference")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the folder that holds openapi.yaml")
    options = parser.parse_args()
    root: Path = options.root
    try:
        document = checks.load(root / "openapi.yaml")
        files, writer = generate(document)
        if options.check:
            checks.require_handlers(document, root / "handlers")
            print(diff := difference(files, root / "generated"), end="")
            return 1 if diff else 0
        write(files, root / "generated")
    except BrokenDocument as error:
        print(error, file=sys.stderr)
        return 1
    for line in writer.scaffold(root / "handlers"):
        print(f"scaffolded {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
