"""Build the sdist and the wheel from the commit, twice, and compare."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from release.rules import commit_seconds, version_of


class ReleaseFailed(Exception):
    """The release cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Packages:
    """The built files."""

    version: str
    sdist: Path
    wheel: Path

    def checksums(self) -> str:
        """The SHA-256 of both, in the format of sha256sum."""
        return "".join(f"{sha256(path)}  {path.name}\n" for path in (self.sdist, self.wheel))


def build(root: Path, folder: Path) -> Packages:
    """Build the commit into `folder`: the sdist, and from the sdist the wheel.

    Raises ReleaseFailed unless a second build, of the wheel without the sdist, gives the same bytes.
    """
    for old in folder.glob("omoide-*"):
        old.unlink()
    seconds = commit_seconds(root)
    with TemporaryDirectory(prefix="omoide-release-") as scratch:
        first, second = _export(root, Path(scratch) / "first"), _export(root, Path(scratch) / "second")
        sdist = _built(first, "sdist", folder, seconds)
        wheel = _built(_unpack(sdist, Path(scratch) / "sdist"), "wheel", folder, seconds)
        _require_same(sdist, _built(second, "sdist", Path(scratch), seconds))
        _require_same(wheel, _built(second, "wheel", Path(scratch), seconds))
    return Packages(version_of(root), sdist, wheel)


def _export(root: Path, folder: Path) -> Path:
    """The files of the commit, without what is only in the working tree."""
    folder.mkdir()
    archive = subprocess.Popen(["git", "archive", "HEAD"], cwd=root, stdout=subprocess.PIPE)
    with archive, tarfile.open(fileobj=archive.stdout, mode="r|") as files:
        extract(files, folder)
    if archive.returncode != 0:
        raise ReleaseFailed("git archive failed")
    return folder


def extract(files: tarfile.TarFile, folder: Path) -> None:
    """Extract what we packed ourselves, on Python 3.11.2 too, which has no filters."""
    files.extraction_filter = getattr(tarfile, "tar_filter", lambda member, _: member)
    files.extractall(folder)


def _unpack(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as files:
        extract(files, folder)
    (source,) = folder.iterdir()
    return source


def _built(source: Path, target: str, folder: Path, seconds: int) -> Path:
    """Build with the backend that pyproject.toml pins, in a process whose only sources are these."""
    command = [sys.executable, "-P", "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(seconds)}
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ReleaseFailed(f"the {target} cannot be built:\n{done.stdout}{done.stderr}")
    (built,) = folder.glob("omoide-*.tar.gz" if target == "sdist" else "omoide-*.whl")
    return built


def _require_same(one: Path, other: Path) -> None:
    if sha256(one) != sha256(other):
        raise ReleaseFailed(f"{one.name} is not reproducible: two builds of the same commit differ")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_metadata(twine: Path, packages: Packages) -> None:
    """Check what an index would check. Raises ReleaseFailed, also for warnings."""
    command = [str(twine), "check", "--strict", str(packages.sdist), str(packages.wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ReleaseFailed(f"twine check:\n{done.stdout}{done.stderr}")
