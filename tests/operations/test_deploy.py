"""The files in deploy/ match the program: every path, setting and URL that they name exists."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omoide.cli.serve import SPARE_SECONDS
from omoide.cli.sockets import GRACE_SECONDS
from omoide.core.database_location import is_url
from omoide.core.settings import Settings
from tests.contract.conformance import OPERATIONS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PATHS = {operation.path for operation in OPERATIONS.values()}
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SCALED_OUT = yaml.safe_load((DEPLOY / "compose.postgresql.yaml").read_text())
UNIT = (DEPLOY / "omoide.service").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def steps() -> list[tuple[str, str]]:
    """Instruction and argument of every line of the Dockerfile, with continuation lines joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    return [(word, " ".join(rest.split())) for word, rest in found]


def settings_in(text: str) -> set[str]:
    return set(re.findall(r"OMOIDE_([A-Z_]+)", text))


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "compose.postgresql.yaml", "omoide.service"])
def test_every_named_setting_exists(name: str) -> None:
    named = {each.lower() for each in settings_in((DEPLOY / name).read_text())} - {"name"}
    assert named
    assert named <= {*Settings.model_fields}, f"no such settings: {named - {*Settings.model_fields}}"


def test_the_settings_of_the_image_are_valid_and_safe() -> None:
    given = " ".join(rest for word, rest in steps() if word == "ENV")
    values = dict(re.findall(r"OMOIDE_([A-Z_]+)=(\S+)", given))
    settings = Settings.model_validate({name.lower(): value for name, value in values.items()})
    assert (settings.host, settings.port, settings.public_without_auth) == ("0.0.0.0", 8000, False)
    assert ("EXPOSE", str(settings.port)) in steps()
    assert ("VOLUME", str(settings.db_file.parent)) in steps()


def test_the_files_copied_into_the_image_exist_and_are_not_ignored() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    copied = [rest.split()[:-1] for word, rest in steps() if word == "COPY" and not rest.startswith("--from")]
    for source in [each for sources in copied for each in sources]:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored
    linked = {path.readlink().name for path in (ROOT / "omoide").iterdir() if path.is_symlink()}
    assert {"omoide", *linked} <= {source for sources in copied for source in sources}


def test_the_image_installs_pinned_packages_and_runs_unprivileged() -> None:
    (install,) = [rest for word, rest in steps() if word == "RUN" and "pip install" in rest]
    assert "--constraint requirements.lock" in install
    extras = dict(re.findall(r"(\w+)=(\S+)", next(rest for word, rest in steps() if word == "ARG")))["EXTRAS"]
    assert {*extras.split(",")} <= {*PROJECT["project"]["optional-dependencies"]}
    assert "mcp" in extras.split(",")
    last = [word for word, _ in steps()][::-1].index("FROM")
    stage = steps()[-last - 1 :]
    assert ("USER", "10001:10001") in stage
    assert not [rest for word, rest in stage if "pip" in rest]


def test_the_health_check_of_the_image_uses_a_served_url() -> None:
    (check,) = [rest for word, rest in steps() if word == "HEALTHCHECK"]
    assert "+ '/ready'" in check
    assert "/ready" in PATHS


BUILD = """
import importlib.machinery, sys
hidden = set({hidden!r})
class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in hidden else super().find_spec(name, path, target)
sys.meta_path[:] = [Finder if each is importlib.machinery.PathFinder else each for each in sys.meta_path]
from omoide.contract.checks import load
from omoide.contract.generate import CodeWriter as Writer, generate
from pathlib import Path
load(Path("openapi.yaml"))
"""


def test_building_needs_only_the_build_requirements() -> None:
    asked = brought_by(PROJECT["build-system"]["requires"])
    homes = importlib.metadata.packages_distributions()
    hidden = [name for name, packages in homes.items() if not asked & {*map(canonicalize_name, packages)}]
    assert "connexion" in hidden
    command = [sys.executable, "-c", BUILD.format(hidden=[name for name in hidden if name != "omoide"])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def brought_by(asked: list[str]) -> set[str]:
    """The packages of these requirements and their dependencies."""
    found: set[str] = set()
    unread = [Requirement(each) for each in asked]
    while unread:
        one = unread.pop()
        name = canonicalize_name(one.name)
        if name not in found and (one.marker is None or one.marker.evaluate({"extra": ""})):
            found.add(name)
            unread += map(Requirement, importlib.metadata.requires(name) or [])
    return found


def test_the_compose_file_is_consistent() -> None:
    omoide, litestream = COMPOSE["services"]["omoide"], COMPOSE["services"]["litestream"]
    build = omoide["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert omoide["environment"]["OMOIDE_AUTH"] == "true"
    assert omoide["ports"] == ["127.0.0.1:8000:8000"], "not on every address of the machine"
    for service in (omoide, litestream):
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).exists()
    assert litestream["profiles"] == ["replica"]
    assert litestream["user"] == dict(steps())["USER"]
    (database,) = yaml.safe_load((DEPLOY / "litestream.yml").read_text())["dbs"]
    assert f"OMOIDE_DB={database['path']} " in f"{dict(steps())['ENV']} "
    assert {*re.findall(r"\$\{(\w+)}", str(database))} <= {*litestream["environment"]}


def test_the_compose_file_of_postgresql_is_consistent() -> None:
    api, worker, database = (SCALED_OUT["services"][name] for name in ("api", "worker", "database"))
    build = api["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert {*build["args"]["EXTRAS"].split(",")} <= {*PROJECT["project"]["optional-dependencies"]}
    assert {"mcp", "postgresql"} <= {*build["args"]["EXTRAS"].split(",")}
    ports = re.fullmatch(r"127\.0\.0\.1:(\d+)-(\d+):8000", *api["ports"])
    assert ports, "a port for each of the containers, not on every address of the machine"
    assert int(ports[2]) - int(ports[1]) + 1 == api["deploy"]["replicas"] == worker["deploy"]["replicas"] == 2
    url = urlsplit(api["environment"]["OMOIDE_DB"].replace(":?set it to letters and digits", ""))
    assert is_url(url.geturl())
    assert SCALED_OUT["services"][url.hostname] is database
    assert {"POSTGRES_USER": url.username, "POSTGRES_DB": url.path[1:]}.items() <= database["environment"].items()
    for service in (api, worker):
        assert service["depends_on"] == {"database": {"condition": "service_healthy"}}
        assert service["environment"]["OMOIDE_AUTH"] == "true"
        assert service["cap_drop"] == ["ALL"]
    (volume,) = database["volumes"]
    assert volume.split(":")[0] in SCALED_OUT["volumes"]
    assert "ports" not in database


def grace(text: str) -> float:
    return float(text.removesuffix("s"))


def test_stop_time_outs_are_longer_than_a_shutdown() -> None:
    longest = max(GRACE_SECONDS, Settings.model_fields["shutdown_grace_seconds"].default) + SPARE_SECONDS
    for service in (COMPOSE["services"]["omoide"], *(SCALED_OUT["services"][name] for name in ("api", "worker"))):
        assert grace(service["stop_grace_period"]) > longest
    assert grace(re.search(r"TimeoutStopSec=(\d+)", UNIT)[1]) > longest  # type: ignore[index]


def test_the_unit_starts_the_command_with_a_writable_data_folder() -> None:
    assert f"ExecStart=/opt/omoide/bin/{next(iter(PROJECT['project']['scripts']))} serve\n" in UNIT
    assert "StateDirectory=omoide\n" in UNIT
    assert re.search(r"OMOIDE_DB=/var/lib/omoide/\w+\.db\n", UNIT)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_accepts_the_unit_and_rates_it_as_secure(tmp_path: Path) -> None:
    unit = tmp_path / "omoide.service"
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "omoide.service" not in verified.stderr, verified.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-300:]


def test_the_page_names_every_file_of_the_folder() -> None:
    page = (ROOT / "docs" / "how-to" / "run-in-production.md").read_text()
    for path in DEPLOY.iterdir():
        if path.suffix != ".dockerignore":
            assert f"deploy/{path.name}" in page


def test_urls_in_the_page_are_served() -> None:
    page = (ROOT / "docs" / "how-to" / "run-in-production.md").read_text()
    named = {urlsplit(url).path for url in re.findall(r"http://(?:localhost|127\.0\.0\.1):8000[^\s`)\"']*", page)}
    assert named
    unknown = named - PATHS - {"", "/", "/docs"}
    assert not unknown, f"the page names addresses that are not served: {unknown}"
