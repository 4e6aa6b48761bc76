"""Where an import from a Honcho server stores, and what it may do there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar

from omoide.core import clock
from omoide.core.records import Change, Json
from omoide.core.settings import Settings
from omoide.inference.tokens import TokenCounter
from omoide.scheduling.enqueue import enqueue_policy
from omoide.services.honcho.report import ImportReport
from omoide.services.honcho.storing import Rules
from omoide.services.honcho.translation import Translation, instant
from omoide.storage import Store, Transaction, workspaces

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class ImportTarget:
    """One workspace, which may not exist yet. A dry run stores nothing; without a database there is no store."""

    store: Store | None
    settings: Settings
    tokens: TokenCounter
    workspace_id: str
    translation: Translation
    is_dry: bool
    derives: bool
    """Whether conclusions and summaries are made from the messages."""
    new_sessions: set[str] = field(default_factory=set)
    """Sessions that this import created."""

    @property
    def report(self) -> ImportReport:
        return self.translation.report

    @property
    def rules(self) -> Rules:
        return Rules(enqueue_policy(self.settings) if self.derives else None, self.settings.max_observers)

    async def read(
        self, default: T, fn: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What is stored; the default without a database."""
        return default if self.store is None else await self.store.read(fn, *args, **kwargs)

    async def create(
        self,
        kind: str,
        is_there: bool,
        fn: Callable[Concatenate[Transaction, P], bool],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Store one thing unless `is_there`, and count it."""
        if not is_there and not self.is_dry and self.store is not None:
            is_there = not await self.store.write(fn, *args, **kwargs)
        (self.report.known if is_there else self.report.new)[kind] += 1

    async def open(self) -> None:
        """Read what ids of conclusions are made with, once the workspace exists."""
        if found := await self.read(None, workspaces.find, self.workspace_id):
            self.translation.salt = f"honcho {found.uid}"


def created_at(item: Json) -> int:
    """When a thing was created there; now if it does not say so."""
    found = instant(item.get("created_at"))
    return clock.now() if found is None else found


def described(translation: Translation, kind: str, item: Json) -> Change:
    """The metadata and configuration of a workspace, session, peer or scope; with its id, if it is another here."""
    metadata = translation.metadata(kind, item)
    if (kind.capitalize(), item.get("id")) in translation.report.renamed:
        metadata |= {"source_id": item["id"]}
    configure = translation.peer_configuration if kind == "peer" else None
    configuration = configure(item) if configure else translation.configuration(kind, item)
    return Change(metadata=metadata, configuration=configuration)
