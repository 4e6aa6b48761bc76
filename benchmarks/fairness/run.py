"""Run a scenario: the light tenant alone, then with the heavy tenant, on the same server."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import fill_database, process_tree, servers
from benchmarks.child_processes import ClientProcess
from benchmarks.fairness import heavy_tenant, light_tenant, stubs, tenants
from benchmarks.fairness.scenarios import FILLED_MESSAGES, SESSION_MESSAGES, Scenario
from benchmarks.servers import DATABASE, ServerProcess

PREPARATION_SECONDS = 180
PATIENCE_SECONDS = 10
"""The light tenant's timeout for its last responses."""
MARGIN_SECONDS = 60
MEGABYTE = 1_000_000
NO_SETTINGS: Mapping[str, str] = {}


@dataclass(frozen=True)
class FairnessOutcome:
    """The light tenant's results without and with the heavy tenant, and the heavy tenant's results."""

    scenario: Scenario
    without: light_tenant.LightResult
    loaded: light_tenant.LightResult
    heavy: heavy_tenant.HeavyResult
    server_seconds: float
    """CPU time of all server processes under the load of both tenants."""
    api_peak_mb: float
    """Peak resident memory of the largest API process."""
    worker_peak_mb: float


@dataclass(frozen=True)
class Setup:
    """The measured server: its checkout (None: this one), number of API processes, and seconds per phase."""

    checkout: Path | None
    workers: int
    seconds: float
    databases: Path
    """A folder that caches filled databases."""
    heavy_source: str = tenants.HEAVY_SOURCE
    auth: bool = True

    @contextlib.contextmanager
    def server(
        self, *, filled: bool, workers: int = 0, settings: Mapping[str, str] = NO_SETTINGS
    ) -> Iterator[ServerProcess]:
        """Run a server on a new database."""
        with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
            folder = Path(name)
            if filled:
                shutil.copyfile(self._filled(), folder / DATABASE)
            flags = ("--workers", str(workers or self.workers))
            settings = {**tenants.SETTINGS, "auth": str(self.auth).lower(), **settings}
            with servers.omoide_of(self.checkout, folder, flags, settings) as server:
                yield server

    def _filled(self) -> Path:
        """A filled database, created with the checkout's code."""
        name = "this" if self.checkout is None else "-".join(self.checkout.absolute().parts[1:])
        db = self.databases / f"{name}-{FILLED_MESSAGES}.db"
        if not db.exists():
            self.databases.mkdir(parents=True, exist_ok=True)
            part = db.with_suffix(".part")
            part.unlink(missing_ok=True)
            # -P: import from the checkout, not from the script's folder.
            script = ["-P", str(Path(fill_database.__file__).absolute()), str(part), str(FILLED_MESSAGES)]
            command = [str(servers.python_of(self.checkout)), *script, "--session-messages", str(SESSION_MESSAGES)]
            subprocess.run(command, check=True, cwd=self.checkout or servers.ROOT)
            part.rename(db)
        return db


def measure(scenario: Scenario, setup: Setup) -> FairnessOutcome:
    """Run both phases of a scenario. Raises RuntimeError or TimeoutError if that fails."""
    with ExitStack() as stack:
        settings = {}
        if scenario.hanging_model:
            host, port = stack.enter_context(stubs.running(stubs.hang))
            settings = {
                "model": "openai:hanging",
                "model_base_url": f"http://{host}:{port}/v1",
                "model_api_key": "none",
            }
        server = stack.enter_context(setup.server(filled=scenario.filled, settings=settings))
        return played(scenario, setup, server)


def played(scenario: Scenario, setup: Setup, server: ServerProcess) -> FairnessOutcome:
    """Run both phases on a running server."""
    alone = _plan(scenario, setup, server, prepares=True)
    without = light_result(alone)
    tenant = tenants.tenant(server.address, fill_database.WORKSPACE, setup.heavy_source)
    load = ClientProcess[heavy_tenant.HeavyResult](heavy_tenant.play, tenant, scenario.play)
    try:
        load.wait_until_begun(PREPARATION_SECONDS)
        computed = server.processor_seconds()
        loaded = light_result(_plan(scenario, setup, server, prepares=False))
        computed = server.processor_seconds() - computed
        load.stop()
        done = load.result(MARGIN_SECONDS)
    finally:
        load.kill()
    peaks = [peak_mb(server, name) for name in ("omoide-api", "omoide-worker")]
    return FairnessOutcome(scenario, without, loaded, done, computed, *peaks)


def _plan(scenario: Scenario, setup: Setup, server: ServerProcess, *, prepares: bool) -> light_tenant.LightPlan:
    tenant = tenants.tenant(server.address, "light", tenants.LIGHT_SOURCE)
    return light_tenant.LightPlan(
        tenant,
        scenario.operations,
        setup.seconds,
        PATIENCE_SECONDS,
        admin_key=tenants.admin_key(),
        prepares=prepares,
        concludes=not scenario.hanging_model,
    )


def light_result(plan: light_tenant.LightPlan) -> light_tenant.LightResult:
    child = ClientProcess[light_tenant.LightResult](light_tenant.play, plan)
    try:
        child.wait_until_begun(PREPARATION_SECONDS)
        return child.result(plan.seconds + plan.patience + MARGIN_SECONDS)
    finally:
        child.kill()


def peak_mb(server: ServerProcess, name: str) -> float:
    """The peak resident memory of the processes with this name in MB; 0 if there are none."""
    sizes = []
    for pid in process_tree.named(server.process.pid, name):
        with contextlib.suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
            sizes.append(int(found[1]) * 1_024 / MEGABYTE if found else 0.0)
    return max(sizes, default=0.0)
