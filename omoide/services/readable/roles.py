"""Who is an assistant in a workspace."""

from __future__ import annotations

from collections.abc import Collection

from omoide.core.lazy_import import lazy_import
from omoide.storage.export.contents import WorkspaceContents

with lazy_import("omoide.reasoner.extractive.assistants"):
    from omoide.reasoner.extractive import assistants


def assistants_of(contents: WorkspaceContents, words: Collection[str]) -> set[str]:
    """The peers that are assistants by their ids, with these words, or because nothing is concluded about them."""
    return {
        peer["id"]
        for peer in contents.peers()
        if assistants.is_assistant_id(peer["id"], words) or peer["configuration"].get("observe_me") is False
    }
