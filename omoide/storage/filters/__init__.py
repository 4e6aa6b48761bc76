"""Compile a caller's filter (a JSON object) to a parametrised WHERE clause."""

from omoide.storage.filters.clauses import SqlClause
from omoide.storage.filters.compiler import compile_filters, names_field
from omoide.storage.filters.fields import (
    CONCLUSION_FIELDS,
    MESSAGE_FIELDS,
    PEER_FIELDS,
    SESSION_FIELDS,
    WORKSPACE_FIELDS,
    FilterFields,
)

__all__ = [
    "CONCLUSION_FIELDS",
    "MESSAGE_FIELDS",
    "PEER_FIELDS",
    "SESSION_FIELDS",
    "WORKSPACE_FIELDS",
    "FilterFields",
    "SqlClause",
    "compile_filters",
    "names_field",
]
