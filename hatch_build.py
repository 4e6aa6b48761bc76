"""Build hook: regenerate omoide/generated from openapi.yaml before a wheel or an editable install is built."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Generate(BuildHookInterface[Any]):
    """Stop the build with a message that names the faults if the document is broken."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from omoide.contract.checks import load
        from omoide.contract.generate import generate, write

        files, _ = generate(load(root / "openapi.yaml"))
        write(files, root / "omoide" / "generated")
