"""Distribute test files to the processes of pytest-xdist: the slowest first, so that all processes end together.

With xdist's own schedulers every process imports every file and makes an item of each of some ten thousand tests, which
takes it ten seconds, before the first test runs. Here an item is a file (`WholeFile`), whose tests are collected by the
one process that runs them.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

SLOWEST = (
    "tests/contract/test_schemathesis.py",
    "tests/contract/test_generated.py",
    "tests/operations/test_install.py",
    "tests/journeys/test_journeys.py",
    "tests/mcp/test_stdio.py",
    "tests/test_processes.py",
    "tests/damage/test_damage.py",
    "tests/worker/test_secure_delete.py",
    "tests/storage/test_upgrades.py",
    "tests/test_doctor.py",
    "tests/handlers/test_filter_fuzz.py",
    "tests/handlers/test_deletion.py",
    "tests/worker/test_rejected_texts.py",
    "tests/crash/test_changes.py",
    "tests/benchmarks/test_llm.py",
    "tests/benchmarks/test_mixed.py",
    "tests/benchmarks/test_fairness.py",
    "tests/crash/test_faults.py",
    "tests/crash/test_kill.py",
    "tests/crash/test_migration.py",
    "tests/test_cli_work.py",
    "tests/worker/test_merge_interruptions.py",
    "tests/sdk/test_first_conversation.py",
    "tests/cli_honcho/test_cli.py",
    "tests/security/test_in_progress.py",
    "tests/mcp_agents/test_pydantic_ai.py",
    "tests/worker/test_fairness.py",
    "tests/worker/test_forgetting.py",
    "tests/architecture/test_docstrings.py",
    "tests/sdk_typescript/test_typescript.py",
)
"""Files that take many seconds, the slowest first; a file of a few seconds ends soon enough wherever it comes."""


class SlowestFirst(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types for this
    """Assigns files: to each process the one that it runs, and the next."""

    def _assign_work_unit(self, node: Any) -> None:
        slowest = next((path for path in SLOWEST if path in self.workqueue), None)
        if slowest is not None:
            self.workqueue.move_to_end(slowest, last=False)
        super()._assign_work_unit(node)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        del self.assigned_work[node][self.registered_collections[node][item_index]]
        self._reschedule(node)

    def remove_node(self, node: Any) -> str | None:
        """Return the file during which the process died, if it did; others take what it had not begun."""
        files = self.assigned_work.pop(node)
        died_in = next(iter(files), None)
        files.pop(died_in, None)
        self.workqueue.update(files)
        for other in self.assigned_work:
            self._reschedule(other)
        return died_in

    def _reschedule(self, node: Any) -> None:
        while self.workqueue and len(self.assigned_work[node]) < 2 and not node.shutting_down:
            self._assign_work_unit(node)
        if not self.workqueue and not node.shutting_down:
            node.shutdown()  # once it has run what it has


class WholeFile(pytest.Item):
    """A file of tests, to be collected when it is run."""

    def __init__(self, *, module: pytest.Module, **arguments: Any) -> None:
        super().__init__(name=module.name, path=module.path, nodeid=module.nodeid, **arguments)
        self.module = module

    def runtest(self) -> None:
        raise NotImplementedError("its tests run one by one")


class FilesAsItems:
    """A plugin of the processes that run tests."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(self, parent: pytest.Collector) -> Any:
        modules = yield
        return [WholeFile.from_parent(parent, module=module) for module in modules]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        if not isinstance(item, WholeFile):
            return None
        session, hook = item.session, item.config.hook
        tests = [*session.genitems(item.module)]
        hook.pytest_collection_modifyitems(session=session, config=item.config, items=tests)
        index = session.items.index(item)
        for test, following in zip(tests, [*tests, nextitem][1:], strict=True):
            session.items[index] = test  # which xdist compares with what is reported
            hook.pytest_runtest_protocol(item=test, nextitem=following)
            if session.shouldfail or session.shouldstop:
                break
        session.items[index] = item
        return True
