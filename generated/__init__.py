"""Everything that openapi.yaml says, as Python.

Made from openapi.yaml by `make regenerate`; never edited.
"""

from pathlib import Path

DOCUMENT = "0d84277fcdff886a0c553a4c7ec454ba6ad1ee3294b7150d0cbdb3ae41833b84"
"""The digest of the document that this was made from, and that was found good."""

TWIN = Path(__file__).with_name("document.json")
"""What the document says, as JSON."""
