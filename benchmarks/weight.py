"""What an installation weighs: `python -m benchmarks.weight`, a table of every package that `pip install` brings.

A package that the design asks for by name, and whatever that brings in turn, is there in any case: `bound`. The rest is
of our own choosing. numpy, and the word vectors in our own wheel, are bound too, since they are what WordLlama is made
of; they are shown by themselves because they are large. Bytecode is left out, because installers differ in it.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution
from pathlib import Path

import click
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import generated
import handlers
import omoide
from benchmarks.table import Bar, show
from omoide.inference.wordllama_embedder import WEIGHTS

PROGRAM = "omoide"
BOUND = ("connexion", "numpy", "openapi-spec-validator", "pydantic", "pydantic-settings", "pysqlite3", "sqlite-utils")
OURS = Bar(60, at_most=True, unit=" MB")
MEGABYTE = 1_000_000


@dataclass
class Package:
    """One package on this machine. `extras` are those that somebody asks for."""

    name: str
    size: int = 0
    asked_by: set[str] = field(default_factory=set)
    extras: set[str] = field(default_factory=set)


def packages(root: str) -> dict[str, Package]:
    """Everything that installing `root` brings on this machine, by name, `root` itself left out.

    Raises PackageNotFoundError if something of it is not installed.
    """
    found: dict[str, Package] = {}
    waiting = [(root, "")]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        for wanted in _requirements(importlib.metadata.distribution(name), extra):
            key = canonicalize_name(wanted.name)
            package = found.setdefault(key, Package(key))
            package.asked_by.add(name)
            package.extras |= wanted.extras
            new = {(key, each) for each in ("", *wanted.extras)} - seen
            seen |= new
            waiting += new
    found.pop(root, None)
    for package in found.values():
        package.size = size(importlib.metadata.distribution(package.name))
    return found


def _requirements(distribution: Distribution, extra: str) -> Iterator[Requirement]:
    """What the distribution asks for here: always (`extra` empty), or for one of its extras alone."""
    for line in distribution.requires or ():
        requirement = Requirement(line)
        always = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if always != bool(extra) and (always or (requirement.marker and requirement.marker.evaluate({"extra": extra}))):
            yield requirement


def size(distribution: Distribution) -> int:
    """Bytes of its files."""
    paths = [Path(str(file.locate())) for file in distribution.files or ()]
    return sum(path.stat().st_size for path in paths if path.suffix != ".pyc" and path.is_file())


def own_size() -> int:
    """Bytes of what our own wheel holds, wherever it lies."""
    folders = {Path(path) for module in (omoide, handlers, generated) for path in module.__path__}
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix != ".pyc"]
    return sum(path.stat().st_size for path in files if path.is_file())


def bound(found: Mapping[str, Package]) -> set[str]:
    """The names of the packages that the design asks for, and of those that they bring."""
    return {name for root in BOUND if root in found for name in (root, *packages(root))}


@click.command()
def main() -> None:
    """Print what each package weighs, who asks for it, and what is of our own choosing."""
    found = packages(PROGRAM)
    given = bound(found)
    vectors = WEIGHTS.stat().st_size
    parts = [(p.name, p.size, p.name not in given, ", ".join(sorted(p.asked_by))) for p in found.values()]
    parts += [(PROGRAM, own_size() - vectors, True, "you"), (f"{PROGRAM}: word vectors", vectors, False, PROGRAM)]
    parts.sort(key=lambda part: -part[1])
    rows = [
        [name, f"{weight / MEGABYTE:.2f}", "ours" if chosen else "bound", asked]
        for name, weight, chosen, asked in parts
    ]
    show("What an installation weighs, in MB", ["package", "MB", "choice", "asked for by"], rows)
    total = sum(weight for _, weight, _, _ in parts)
    ours = sum(weight for _, weight, chosen, _ in parts if chosen)
    sums = [
        ["of our own choosing", f"{ours / MEGABYTE:.1f}", OURS.verdict(ours / MEGABYTE)],
        ["bound: numpy", f"{found['numpy'].size / MEGABYTE:.1f}", ""],
        ["bound: word vectors", f"{vectors / MEGABYTE:.1f}", ""],
        ["bound: the rest", f"{(total - ours - vectors - found['numpy'].size) / MEGABYTE:.1f}", ""],
        ["all of it", f"{total / MEGABYTE:.1f}", ""],
    ]
    show("Together", ["", "MB", "bar"], sums)


if __name__ == "__main__":
    main()
