"""`make release` refuses what must not be released; the description of the package stands alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hatch_build import without_relative_links
from release.rules import git, obstacles, version_of

ROOT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()
DATED = f"# Changelog\n\n## 1.2.0 ({TODAY})\n\n- Something.\n\n## 1.1.0 (2020-01-01)\n\n- Something else.\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that can be released."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "omoide"\nversion = "1.2.0"\n')
    (tmp_path / "docs/changelog.md").write_text(DATED)
    git(tmp_path, "init", "--quiet")
    for name in ("user.name", "user.email"):
        git(tmp_path, "config", name, "somebody@example.com")
    git(tmp_path, "config", "tag.gpgsign", "false")
    commit(tmp_path)
    git(tmp_path, "tag", "v1.1.0")
    return tmp_path


def commit(repository: Path) -> None:
    git(repository, "add", "--all")
    git(repository, "-c", "commit.gpgsign=false", "commit", "--quiet", "--message", "Change something")


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(repository: Path) -> None:
        path = repository / name
        path.write_text(path.read_text().replace(old, new))
        commit(repository)

    return change


def test_a_dated_version_on_a_clean_tree_can_be_released(repository: Path) -> None:
    assert obstacles(repository) == []


TOMORROW = str(TODAY + timedelta(days=1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda repository: (repository / "new.txt").write_text(""), "The working tree has changes: new.txt."),
        (lambda repository: git(repository, "tag", "v1.2.0"), "The tag v1.2.0 exists"),
        (lambda repository: git(repository, "tag", "v1.10.0"), "lower than the released 1.10.0"),
        (edit("docs/changelog.md", str(TODAY), "unreleased"), "the section of 1.2.0 needs a date"),
        (edit("docs/changelog.md", str(TODAY), "2026-02-30"), "the section of 1.2.0 needs a date"),
        (edit("docs/changelog.md", str(TODAY), TOMORROW), "1.2.0 has a date in the future"),
        (edit("docs/changelog.md", "- Something.\n", ""), "the section of 1.2.0 is empty"),
        (edit("docs/changelog.md", "## 1.2.0", "## 1.2.1"), "there is no section '## 1.2.0 (YYYY-MM-DD)'"),
        (edit("docs/changelog.md", "## 1.2.0", "## 1.3.0\n\n## 1.2.0"), "the section of 1.2.0 is not the first"),
        (edit("pyproject.toml", "1.2.0", "1.2.0.0rc"), "write the version 1.2.0.0rc as 1.2.0.0rc0"),
        (edit("pyproject.toml", "1.2.0", "next"), "'next' is not a version"),
    ],
)  # fmt: skip
def test_what_must_not_be_released_is_refused(change: Callable[[Path], object], reason: str, repository: Path) -> None:
    change(repository)
    assert reason in "\n".join(obstacles(repository))


def test_the_version_is_written_in_one_place() -> None:
    assigned = re.compile(rf"""(?i)version\w*["']?\s*[:=]\s*["']?{re.escape(version_of(ROOT))}\b""")
    files = [
        each for each in git(ROOT, "ls-files").split("\n") if Path(each).suffix in {".py", ".toml", ".yaml", ".js"}
    ]
    texts = {name: (ROOT / name).read_text() for name in files if "openapi.yaml" not in name}
    found = [name for name, text in texts.items() if assigned.search(text)]
    assert found == ["pyproject.toml"]  # openapi.yaml shows it in an example


def test_the_description_of_the_package_has_no_link_that_leads_nowhere() -> None:
    text = without_relative_links((ROOT / "README.md").read_text())
    assert re.findall(r"\]\((?!https?://)[^)]*\)", text) == []
    assert "Connect a language model" in text
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"] == ["readme"]
