"""Injects faults into a running server: kills processes, locks the file, makes the provider fail."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable

from benchmarks.process_tree import named
from tests import sql
from tests.inference.fault_proxy import FaultProxy, answering, hanging_up
from tests.server_process import Server
from tests.soak.ledger import SoakLedger
from tests.worker.provider import half

REST_SECONDS = (4.0, 10.0)
"""Shortest and longest pause between two faults."""


class Troublemaker(threading.Thread):
    """Injects one fault after another until `stop` is set: all kinds, then all again in another order, and so on.

    One API process is spared throughout, and the worker from `spares_worker_from` on (by the monotonic clock), so that
    some processes live long enough to judge the growth of their memory.
    """

    def __init__(
        self, server: Server, provider: FaultProxy, ledger: SoakLedger, stop: threading.Event, spares_worker_from: float
    ) -> None:
        super().__init__(daemon=True, name="soak-faults")
        self.server, self.provider, self.ledger, self.stop = server, provider, ledger, stop
        self.spares_worker_from = spares_worker_from
        self.spared = min(named(server.process.pid, "omoide-api"))
        self.random = random.Random(1)
        self.well = provider.fault

    def run(self) -> None:
        does: list[Callable[[], None]] = [self.kill_worker, self.kill_api, self.hold_the_file, self.lose_the_provider]
        while True:
            for what in does:
                if self.stop.wait(self.random.uniform(*REST_SECONDS)):
                    return
                what()
            self.random.shuffle(does)

    def kill_api(self) -> None:
        victims = [pid for pid in named(self.server.process.pid, "omoide-api") if pid != self.spared]
        if victims:
            with self.ledger.fault("kill of an API process"):
                os.kill(self.random.choice(victims), signal.SIGKILL)

    def kill_worker(self) -> None:
        if time.monotonic() < self.spares_worker_from and (pids := named(self.server.process.pid, "omoide-worker")):
            with self.ledger.fault("kill of the worker"):
                os.kill(pids[0], signal.SIGKILL)

    def hold_the_file(self) -> None:
        """Lock the file in a burst, for longer and for shorter than calls wait."""
        with self.ledger.fault("locked file"):
            for _ in range(5):
                with sql.locked(self.server.db):
                    time.sleep(self.random.choice([0.05, 0.2, 1.5]))
                time.sleep(0.05)

    def lose_the_provider(self) -> None:
        with self.ledger.fault("provider away"):
            self.provider.fault = self.random.choice([half, hanging_up, answering(503, b"{}")])
            self.stop.wait(self.random.uniform(0.5, 3.0))
            self.provider.fault = self.well
