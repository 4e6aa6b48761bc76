"""`python -m release`: build, try and tag a release."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from release.packages import Packages, ReleaseFailed, build, check_metadata
from release.rules import git, obstacles, tag_of
from release.trial import interpreters, try_uvx, try_wheel

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
MEBIBYTE = 1_048_576


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="everything but the tag, whatever stands in its way")
    parser.add_argument("--tools", type=Path, required=True, help="the folder with twine and uv")
    parser.add_argument("--python", action="append", default=[], help="an interpreter to try; default: all found")
    options = parser.parse_args()
    reasons = obstacles(ROOT)
    if reasons and not options.dry_run:
        return _refuse(reasons)
    try:
        packages = _prepare(options.tools.absolute(), options.python)
        if not options.dry_run:
            git(ROOT, "tag", "--annotate", tag_of(packages.version), "--message", f"Omoide {packages.version}")
    except ReleaseFailed as error:
        print(f"No release: {error}", file=sys.stderr)
        return 1
    _print_next(packages, reasons, dry_run=options.dry_run)
    return 0


def _refuse(reasons: list[str]) -> int:
    print("No release:", *reasons, sep="\n  ", file=sys.stderr)
    return 1


def _prepare(tools: Path, named: list[str]) -> Packages:
    packages = build(ROOT, DIST)
    (DIST / "SHA256SUMS").write_text(packages.checksums())
    for path in (packages.sdist, packages.wheel):
        print(f"built {path.name}, {path.stat().st_size / MEBIBYTE:.1f} MiB, the same bytes twice", flush=True)
    check_metadata(tools / "twine", packages)
    print("twine check --strict passed", flush=True)
    found = interpreters(named)
    if not found:
        raise ReleaseFailed("there is no interpreter to try the wheel with")
    readme = (ROOT / "README.md").read_text()
    for version, python in found.items():
        print(f"Python {version}: {try_wheel(tools / 'uv', packages, python, readme)}", flush=True)
    newest, python = [*found.items()][-1]
    print(f"uvx 'omoide[mcp]', Python {newest}: {try_uvx(tools / 'uv', packages, python, readme)}", flush=True)
    return packages


def _print_next(packages: Packages, reasons: list[str], *, dry_run: bool) -> None:
    tag = tag_of(packages.version)
    if dry_run:
        print(f"Not tagged: dry run of {tag}.")
        if reasons:
            print("`make release` would refuse:", *reasons, sep="\n  ")
        return
    print(
        f"Tagged {tag}. Nothing is published. To publish:",
        f"git push origin {tag}",
        f"{Path('.venv/release/bin/twine')} upload {_relative(packages.sdist)} {_relative(packages.wheel)}",
        "docker build --file deploy/Dockerfile --tag omoide:" + packages.version + " .",
        sep="\n  ",
    )
    print(packages.checksums(), end="")


def _relative(path: Path) -> Path:
    return path.relative_to(ROOT)


if __name__ == "__main__":
    sys.exit(main())
