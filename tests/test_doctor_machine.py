"""`omoide doctor` on the machine: its clock, disk and file systems."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from omoide.doctor.check_storage import check_clock, check_disk
from tests.server_process import COMMAND

NOW = 1_790_000_000_000_000


@pytest.mark.parametrize(
    ("now", "newest", "state"),
    [
        (NOW, None, "good"),
        (NOW, NOW + 1_000_000, "good"),
        (NOW, NOW + 3_600_000_000, "wrong"),
        (0, None, "wrong"),
        (-1, None, "wrong"),
        (10**17, None, "wrong"),
    ],
)
def test_a_clock_that_cannot_be_right_or_has_gone_back_is_wrong(now: int, newest: int | None, state: str) -> None:
    assert check_clock(now, newest).state == state


def test_a_disk_that_is_nearly_full_is_wrong(tmp_path: Path) -> None:
    assert check_disk(tmp_path / "omoide.db", least_free=1).state == "good"
    assert check_disk(tmp_path / "omoide.db", least_free=10**18).state == "wrong"
    assert check_disk(tmp_path / "no" / "folder" / "omoide.db").state == "wrong"


@pytest.mark.parametrize("name", ["", "omoide.db"])
def test_a_read_only_file_system_is_wrong(name: str, tmp_path: Path) -> None:
    read_only = tmp_path / name
    path = tmp_path / "omoide.db"
    path.touch()

    def mounted(place: Path) -> os.statvfs_result:
        found = os.statvfs(place)
        flags = found.f_flag | os.ST_RDONLY if place == read_only else found.f_flag & ~os.ST_RDONLY
        return os.statvfs_result([*found[:8], flags, found[9]])

    verdict = check_disk(path, least_free=1, look=mounted)
    assert (verdict.state, verdict.figures["read_only"]) == ("wrong", True)
    assert f"{read_only} is on a read-only file system" in verdict.text
    assert check_disk(path, least_free=1).figures["read_only"] is False


READ_ONLY = """
mount -t tmpfs none "$1" || exit 77
mount -o remount,ro "$1" || exit 77
exec "$2" doctor --json --db "$1/omoide.db"
"""


def test_a_file_system_that_is_mounted_read_only_is_wrong(tmp_path: Path) -> None:
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        READ_ONLY,
        "sh",
        str(tmp_path),
        str(COMMAND),
    ]
    environment = {**os.environ, "OMOIDE_EMBEDDER": "none"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare(1)")
    if not done.stdout:
        pytest.skip(f"nothing may be mounted here: {done.stderr.strip()}")
    (disk,) = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "disk"]
    assert (disk["state"], disk["figures"]["read_only"]) == ("wrong", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_this_user_cannot_write_is_noticed(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    assert check_disk(tmp_path / "omoide.db", least_free=1).state == "notice"
    tmp_path.chmod(0o755)
