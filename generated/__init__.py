"""Everything that openapi.yaml says, as Python.

Made from openapi.yaml by `make regenerate`; never edited.
"""

from pathlib import Path

DOCUMENT = "9732aeb2dd97d4899d8960b7c791b20dd32b30e5179656f55cccfa75a6489193"
"""The digest of the document that this was made from, and that was found good."""

TWIN = Path(__file__).with_name("document.json")
"""What the document says, as JSON."""
