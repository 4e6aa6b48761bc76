"""What can be wrong with an agent's configuration file."""

from __future__ import annotations

from omoide.core.errors import OmoideError


class InvalidFile(OmoideError):
    """The text is not a valid document of its format; `detail` says where."""


class Uneditable(OmoideError):
    """The document has what we would change in a form that this program does not edit."""
