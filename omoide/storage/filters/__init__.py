"""Compile a caller's filter (a JSON object) to a parametrised WHERE clause."""

from omoide.store.filters.clauses import Clause
from omoide.store.filters.fields import (
    CONCLUSION_FIELDS,
    MESSAGE_FIELDS,
    PEER_FIELDS,
    SESSION_FIELDS,
    WORKSPACE_FIELDS,
    Fields,
)
from omoide.store.filters.language import compile_filters, names_field

__all__ = [
    "CONCLUSION_FIELDS",
    "MESSAGE_FIELDS",
    "PEER_FIELDS",
    "SESSION_FIELDS",
    "WORKSPACE_FIELDS",
    "Clause",
    "Fields",
    "compile_filters",
    "names_field",
]
