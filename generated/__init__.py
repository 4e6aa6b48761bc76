"""Everything that openapi.yaml says, as Python.

Made from openapi.yaml by `make regenerate`; never edited.
"""

from pathlib import Path

DOCUMENT = "a214760aa1c5f380fdf2ef2debaebf22e7c951bc1b2ea26d6279ddf1d91fc245"
"""The digest of the document that this was made from, and that was found good."""

TWIN = Path(__file__).with_name("document.json")
"""What the document says, as JSON."""
