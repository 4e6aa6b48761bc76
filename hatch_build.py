"""Build hooks: the description without links into the repository, and omoide/generated from openapi.yaml."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class Readme(MetadataHookInterface):
    """Set the project's description. An index shows it without the files that the README links to."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text()
        metadata["readme"] = {"content-type": "text/markdown", "text": without_relative_links(text)}


def without_relative_links(text: str) -> str:
    """Markdown with the links replaced by their texts that lead to files next to it."""
    return re.sub(r"\[([^\]]+)\]\((?![a-z]+:)[^)]+\)", r"\1", text)


class Generate(BuildHookInterface[Any]):
    """Regenerate before a wheel or an editable install is built. Stop the build with a message that names the faults if
    the document is broken."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from omoide.contract.checks import load
        from omoide.contract.generate import generate, write

        files, _ = generate(load(root / "openapi.yaml"))
        write(files, root / "omoide" / "generated")
