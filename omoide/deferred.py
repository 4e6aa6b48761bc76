"""Packages that load when they are first used, or never, so that a server which does not use them starts without.

`with deferred("numpy"): import numpy as np` reads as any import does, to people and to type checkers. Which packages
are worth it is decided where they are imported; tests/test_start.py lists what a start must not load.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class Deferred(ModuleType):
    """Stands for the package of its name, and imports it at the first look at anything in it, in whatever thread."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        found = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, found)  # so that the next look at it is as quick as any
        return found


@contextmanager
def deferred(*packages: str) -> Iterator[None]:
    """Within the block, `import package` binds a stand-in, for our imports and for those that they lead to.

    A package that is loaded already is bound itself. A `from package import name` is a first look, and loads it.
    """
    absent = {name: Deferred(name) for name in packages if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name, stand_in in absent.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Within the block, a package that is not loaded yet counts as not installed: for imports that would do without."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is how Python marks such a module
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
