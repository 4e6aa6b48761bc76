"""Lazy imports: packages that load on first use, so that the server starts faster.

`with lazy_import("numpy"): import numpy as np` looks like any import to readers and type checkers. Each importing
module decides which packages are lazy; tests/test_start.py lists those that must not load at start.

`importlib.util.LazyLoader` leaves an unloaded package in `sys.modules`, where other packages find and load it: measured
side by side, a start took 0.93 s of processor time instead of 0.69, and 124 MB instead of 85.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any


class LazyModule(ModuleType):
    """Placeholder for a package; imports it on the first attribute access, in any thread."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        value = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, value)  # later accesses skip __getattr__
        return value


@contextmanager
def lazy_import(*packages: str) -> Iterator[None]:
    """Within the block, `import package` binds a placeholder, also in modules that are imported there.

    A package that is already loaded is bound as usual. `from package import name` is an attribute access and loads it.
    """
    absent = {name: LazyModule(name) for name in packages if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name, stand_in in absent.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


def package_folder(name: str) -> Path | None:
    """The folder of an installed package, without importing it; None if it is absent, or hidden in `sys.modules`."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return None if found is None or found.origin is None else Path(found.origin).parent


@contextmanager
def hide_modules(*packages: str) -> Iterator[None]:
    """Within the block, packages that are not loaded yet appear not to be installed, for optional imports."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None makes Python raise ModuleNotFoundError
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
