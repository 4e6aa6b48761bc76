"""What must hold before a release: the version, its section in the changelog, and the state of the repository.

The version is written in pyproject.toml only.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

CHANGELOG = Path("docs/changelog.md")
_HEADING = re.compile(r"^## (?P<version>\S+)(?: \((?P<date>[^)]*)\))?$", re.MULTILINE)


def version_of(root: Path) -> str:
    """The version in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def tag_of(version: str) -> str:
    """The name of the version's tag."""
    return f"v{version}"


def obstacles(root: Path) -> list[str]:
    """Why the repository cannot be released, one sentence each."""
    version = version_of(root)
    return [*_version_obstacles(root, version), *_changelog_obstacles(root, version), *_tree_obstacles(root)]


def _version_obstacles(root: Path, version: str) -> Iterator[str]:
    try:
        parsed = Version(version)
    except InvalidVersion:
        yield f"pyproject.toml: {version!r} is not a version."
        return
    if str(parsed) != version:
        yield f"pyproject.toml: write the version {version} as {parsed}."
    tags = git(root, "tag", "--list", "v*").split()
    released = [each for each in map(_version_or_none, tags) if each is not None]
    if tag_of(version) in tags:
        yield f"The tag {tag_of(version)} exists: raise the version in pyproject.toml."
    elif released and parsed < max(released):
        yield f"The version {version} is lower than the released {max(released)}."


def _version_or_none(tag: str) -> Version | None:
    try:
        return Version(tag.removeprefix("v"))
    except InvalidVersion:
        return None


def _changelog_obstacles(root: Path, version: str) -> Iterator[str]:
    text = (root / CHANGELOG).read_text()
    headings = [*_HEADING.finditer(text)]
    heading = next((each for each in headings if each["version"] == version), None)
    if heading is None:
        yield f"{CHANGELOG}: there is no section '## {version} (YYYY-MM-DD)'."
        return
    if heading is not headings[0]:
        yield f"{CHANGELOG}: the section of {version} is not the first."
    try:
        released_on = date.fromisoformat(heading["date"] or "")
    except ValueError:
        yield f"{CHANGELOG}: the section of {version} needs a date: '## {version} (YYYY-MM-DD)'."
    else:
        if released_on > datetime.now(UTC).date():
            yield f"{CHANGELOG}: {version} has a date in the future."
    following = text[heading.end() :]
    if not following.partition("\n## ")[0].strip():
        yield f"{CHANGELOG}: the section of {version} is empty."


def _tree_obstacles(root: Path) -> Iterator[str]:
    if changed := git(root, "status", "--porcelain").splitlines():
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        yield f"The working tree has changes: {changed[0][3:]}{more}. Commit or remove them."


def commit_seconds(root: Path) -> int:
    """When the commit to release was made, in seconds since 1970: the timestamp of every file in the packages."""
    return int(git(root, "log", "-1", "--format=%ct"))


def git(root: Path, *arguments: str) -> str:
    """Run Git in the repository and return what it prints. Raises CalledProcessError."""
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout
