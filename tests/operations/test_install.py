"""The sdist and the wheel: their contents, and a server that runs from an installed wheel."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from release.packages import extract
from tests.server_process import CommandServer

ROOT = Path(__file__).parents[2]
LINKS = {"generated", "handlers", "openapi.yaml"}
IMPORTED = "import omoide.generated.models, omoide.handlers.peers as module; print(module.__file__)"


BUILD = """
import sys, zlib
from hatchling.cli import hatchling
compress = zlib.compressobj
zlib.compressobj = lambda level, *rest, **options: compress(0, *rest, **options)  # the models take long otherwise
sys.argv[0] = "hatchling"
sys.exit(hatchling())
"""


def run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run([*command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def build(source: Path, target: str, folder: Path) -> Path:
    """Build with the backend, in a process of its own, as pip and `python -m build` do."""
    run(sys.executable, "-c", BUILD, "build", "--target", target, "--directory", folder, folder=source)
    (built,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return built


class Environment:
    """A new virtual environment that finds dependencies, but not Omoide, in the environment of the tests."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder)
        self.python = folder / "bin" / "python"
        self.packages = Path(
            run(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder)
        )
        # A path in a .pth file is not searched for .pth files, such as that of the editable install.
        (self.packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    def install(self, wheel: Path) -> None:
        pip = (sys.executable, "-m", "pip", "--python", self.python, "--quiet", "--disable-pip-version-check")
        run(*pip, "install", "--no-index", "--no-deps", wheel, folder=self.packages)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from an sdist, as `python -m build` does."""
    folder = tmp_path_factory.mktemp("dist")
    with tarfile.open(build(ROOT, "sdist", folder)) as sdist:
        extract(sdist, folder)
    (source,) = [path for path in folder.iterdir() if path.is_dir()]
    return build(source, "wheel", folder)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("installed"))
    environment.install(wheel)
    return environment


@pytest.fixture
def server(installed: Environment, db_path: Path) -> Iterator[CommandServer]:
    class Installed(CommandServer):
        command = installed.python.with_name("omoide")

    running = Installed(db_path)
    yield running
    running.stop()


def test_the_wheel_has_one_top_level_package(installed: Environment) -> None:
    (record,) = installed.packages.glob("omoide-*.dist-info/RECORD")
    paths = [Path(line.rsplit(",", 2)[0]) for line in record.read_text().splitlines()]
    assert {path.parts[0] for path in paths if path.parts[0] != ".."} == {"omoide", record.parent.name}
    assert [path.name for path in paths if path.parts[0] == ".."] == ["omoide"]  # the command
    assert {path.name for path in installed.packages.iterdir()} == {"dependencies.pth", "omoide", record.parent.name}


def test_a_wheel_from_the_sdist_has_the_files_of_the_repository(wheel: Path) -> None:
    expected = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name} == expected
    assert {"omoide/py.typed", "omoide/openapi.yaml", "omoide/generated/document.json"} <= expected
    word_lists = (ROOT / "omoide/reasoner/extractive/data").glob("*.toml")
    assert {f"omoide/reasoner/extractive/data/{path.name}" for path in word_lists} <= expected
    assert {f"omoide/handlers/{path.name}" for path in (ROOT / "handlers").glob("*.py")} <= expected


def test_an_installed_wheel_serves(installed: Environment, server: CommandServer, tmp_path: Path) -> None:
    with server.client() as client:
        assert client.get("/health").json()["status"] == "ok"
        assert client.get("/openapi.yaml").content == (ROOT / "openapi.yaml").read_bytes()
    module = Path(run(installed.python, "-c", IMPORTED, folder=tmp_path))
    assert module == installed.packages / "omoide" / "handlers" / "peers.py"


def test_an_editable_install_imports_from_the_repository(tmp_path: Path) -> None:
    environment = Environment(tmp_path / "environment")
    environment.install(build(ROOT, "wheel:editable", tmp_path))
    module = Path(run(environment.python, "-c", IMPORTED, folder=tmp_path))
    assert module == ROOT / "omoide" / "handlers" / "peers.py"
    assert not (environment.packages / "omoide").exists(), "a copy of files that the repository has"


def test_each_pinned_version_installs_on_the_oldest_python_that_is_promised() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=") + ".0"
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    demands = {pin.name: metadata.metadata(pin.name)["Requires-Python"] for pin in pins if _is_installed(pin)}
    assert len(demands) > 100
    refused = {name: demand for name, demand in demands.items() if demand and oldest not in SpecifierSet(demand)}
    assert refused == {}, f"these do not install on Python {oldest}: limit them in the extra dev of pyproject.toml"


def _is_installed(pin: Requirement) -> bool:
    return any(metadata.distributions(name=pin.name))


def test_the_package_links_to_the_top_level() -> None:
    links = {path.name: path.readlink() for path in (ROOT / "omoide").iterdir() if path.is_symlink()}
    assert links == {name: Path("..") / name for name in LINKS}, "a checkout without symbolic links cannot be used"
