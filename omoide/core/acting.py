"""Whom a write is done for: set around a function that runs in a transaction, for records of who changed something."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Concatenate, ParamSpec, TypeVar

D = TypeVar("D")
P = ParamSpec("P")
T = TypeVar("T")

SERVER = "server"

_caller: ContextVar[str] = ContextVar("caller", default=SERVER)


def caller() -> str:
    """The caller as `auth.name_of` describes it; `server` for what no caller requested directly."""
    return _caller.get()


def on_behalf(db: D, name: str, fn: Callable[Concatenate[D, P], T], /, *args: P.args, **options: P.kwargs) -> T:
    """Run `fn` in the transaction for this caller."""
    before = _caller.set(name)
    try:
        return fn(db, *args, **options)
    finally:
        _caller.reset(before)
