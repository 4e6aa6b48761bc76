"""Everything that openapi.yaml says, as Python.

Made from openapi.yaml by `make regenerate`; never edited.
"""

from pathlib import Path

DOCUMENT = "f4c67e4160fcaf1cfb6c7d5ab8aa250c39c4aee4b886e64c1c1e36a3f0ca02d5"
"""The digest of the document that this was made from, and that was found good."""

TWIN = Path(__file__).with_name("document.json")
"""What the document says, as JSON."""
