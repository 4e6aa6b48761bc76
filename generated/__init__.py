"""Everything that openapi.yaml says, as Python.

Made from openapi.yaml by `make regenerate`; never edited.
"""

from pathlib import Path

DOCUMENT = "6c22e5950273736c40329c291eb17bbbd6801b3b7be87aeb441974e893320810"
"""The digest of the document that this was made from, and that was found good."""

TWIN = Path(__file__).with_name("document.json")
"""What the document says, as JSON."""
