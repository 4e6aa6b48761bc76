"""Holds every module of handlers/ against its Protocol, for type checkers only.

Made from openapi.yaml by `make regenerate`; never edited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import handlers.messages
    import handlers.peers
    import handlers.sessions
    import handlers.system
    import handlers.workspaces
    from generated import protocols

    system: protocols.SystemApi = handlers.system
    workspaces: protocols.WorkspacesApi = handlers.workspaces
    peers: protocols.PeersApi = handlers.peers
    sessions: protocols.SessionsApi = handlers.sessions
    messages: protocols.MessagesApi = handlers.messages
