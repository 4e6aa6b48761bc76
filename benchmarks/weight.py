"""The installed size: `python -m benchmarks.weight` prints all packages that `pip install` installs.

Packages that the design requires by name, and their dependencies, are `bound`. The others are our own choice, models
included. numpy and the word vectors in our wheel are bound too, because WordLlama consists of them; they are listed
separately because they are large. Bytecode is excluded, because installers differ in it.
"""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import omoide
from benchmarks.measurements import Figure, held, json_option, publish
from benchmarks.table import Bar
from omoide import generated, handlers
from omoide.inference import bge_embedder, cross_encoder, wordllama_embedder

ROOT = Path(__file__).parent.parent
PROGRAM = "omoide"
VECTORS = "word vectors"
MODELS = {"model bge-small": bge_embedder.WEIGHTS, "model ms-marco-minilm": cross_encoder.WEIGHTS}
BOUND = ("connexion", "numpy", "openapi-spec-validator", "pydantic", "pydantic-settings", "pysqlite3", "sqlite-utils")
OURS = Bar(200, at_most=True, unit=" MB")
MEGABYTE = 1_000_000


@dataclass
class Package:
    """An installed package; `size` in bytes."""

    name: str
    size: int
    asked_by: set[str] = field(default_factory=set)


class PackagePart(NamedTuple):
    """A line of the table; `size` in bytes."""

    name: str
    size: int
    is_ours: bool
    asked_by: str


def packages(asked: Iterable[Requirement], by: str) -> dict[str, Package]:
    """The installed packages that these requirements need, transitively, by name; `by` is the requiring package.

    Raises PackageNotFoundError if one is not installed.
    """
    found: dict[str, Package] = {}
    waiting = [(requirement, by) for requirement in asked]
    seen: set[tuple[str, str]] = set()
    while waiting:
        wanted, asker = waiting.pop()
        name = canonicalize_name(wanted.name)
        distribution = importlib.metadata.distribution(name)
        package = found.setdefault(name, Package(name, size(name)))
        package.asked_by.add(asker)
        for extra in {"", *wanted.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            waiting += [(requirement, name) for requirement in _requirements(distribution.requires or (), extra)]
    return found


def _requirements(lines: Iterable[str], extra: str = "") -> Iterator[Requirement]:
    """The requirements that apply here: without extras (`extra` empty), or only with that extra."""
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        if (always and not extra) or (extra and not always and marker and marker.evaluate({"extra": extra})):
            yield requirement


@cache
def size(name: str) -> int:
    """The size of a distribution's files in bytes."""
    paths = [Path(str(file.locate())) for file in importlib.metadata.distribution(name).files or ()]
    return sum(path.stat().st_size for path in paths if path.suffix != ".pyc" and path.is_file())


def own_size() -> int:
    """The size of our packages' files in bytes."""
    folders = {Path(path) for module in (omoide, handlers, generated) for path in module.__path__}
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix != ".pyc"]
    return sum(path.stat().st_size for path in files if path.is_file())


def bound(found: Mapping[str, Package]) -> set[str]:
    """The names of the packages that the design requires, and of their dependencies."""
    return {*packages((Requirement(name) for name in BOUND if name in found), by="")}


def parts() -> list[PackagePart]:
    """All parts of the installation, largest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = packages(_requirements(project["dependencies"]), by=PROGRAM)
    given = bound(found)
    vectors = wordllama_embedder.WEIGHTS.stat().st_size
    models = [PackagePart(name, path.stat().st_size, True, PROGRAM) for name, path in MODELS.items()]
    listed = [PackagePart(p.name, p.size, p.name not in given, ", ".join(sorted(p.asked_by))) for p in found.values()]
    code = own_size() - vectors - sum(model.size for model in models)
    listed += [PackagePart(PROGRAM, code, True, "you"), PackagePart(VECTORS, vectors, False, PROGRAM), *models]
    return sorted(listed, key=lambda part: -part.size)


def ours(found: Sequence[PackagePart]) -> float:
    """Megabytes of packages of our own choice."""
    return sum(part.size for part in found if part.is_ours) / MEGABYTE


@click.command()
@json_option
def main(*, json_file: Path | None) -> None:
    """Print the size of each package, the packages that require it, and the total of our own choice."""
    found = parts()
    total, chosen = sum(part.size for part in found) / MEGABYTE, ours(found)
    large = {part.name: part.size / MEGABYTE for part in found if part.name in ("numpy", VECTORS)}
    figures = [
        held("of our own choosing", "together", chosen, "MB", OURS),
        *(held(f"bound: {name}", "together", megabytes, "MB") for name, megabytes in large.items()),
        held("bound: the rest", "together", total - chosen - sum(large.values()), "MB"),
        held("all of it", "together", total, "MB"),
    ]
    for part in found:
        figures.append(held(part.name, "size", part.size / MEGABYTE, "MB"))
        figures.append(Figure(part.name, "choice", "ours" if part.is_ours else "bound"))
        figures.append(Figure(part.name, "asked for by", part.asked_by))
    publish("What an installation weighs", figures, json_file)


if __name__ == "__main__":
    main()
