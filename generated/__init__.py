"""Everything that openapi.yaml says, as Python.

Made from openapi.yaml by `make regenerate`; never edited.
"""

DOCUMENT = "49219d6801aa9eccf97b620cd7244e263f193ca665e746e3dddffb902c85df1f"
"""The digest of the document that this was made from, and that was found good."""
