"""Distribute test files to the processes of pytest-xdist: the slowest first, so that all processes end together.

xdist's own scheduler by file counts all tests that a process has ever had after each test, which takes seconds.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

SLOWEST = (
    "tests/contract/test_generated.py",
    "tests/test_processes.py",
    "tests/operations/test_install.py",
    "tests/damage/test_damage.py",
    "tests/journeys/test_journeys.py",
    "tests/test_doctor.py",
    "tests/test_cli_work.py",
    "tests/worker/test_secure_delete.py",
    "tests/storage/test_upgrades.py",
    "tests/worker/test_merge_interruptions.py",
    "tests/handlers/test_deletion.py",
    "tests/sdk/test_first_conversation.py",
    "tests/cli_honcho/test_cli.py",
    "tests/worker/test_rejected_texts.py",
    "tests/handlers/test_filter_fuzz.py",
    "tests/security/test_in_progress.py",
    "tests/worker/test_fairness.py",
    "tests/worker/test_forgetting.py",
    "tests/contract/test_schemathesis.py",
    "tests/benchmarks/test_mixed.py",
    "tests/sdk_typescript/test_typescript.py",
    "tests/crash/test_faults.py",
)
"""Files that take many seconds, the slowest first; a file of a few seconds ends soon enough wherever it comes."""


class SlowestFirst(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types for this
    """The files that are assigned contain only tests that are pending."""

    def _assign_work_unit(self, node: Any) -> None:
        slowest = next((path for path in SLOWEST if path in self.workqueue), None)
        if slowest is not None:
            self.workqueue.move_to_end(slowest, last=False)
        super()._assign_work_unit(node)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        test = self.registered_collections[node][item_index]
        files = self.assigned_work[node]
        path = self._split_scope(test)
        del files[path][test]
        if not files[path]:
            del files[path]
        self._reschedule(node)
