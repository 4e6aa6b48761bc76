"""Checks every module of handlers/ against its Protocol; for type checkers only.

Generated from openapi.yaml by `make regenerate`. Do not edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import handlers.conclusions
    import handlers.keys
    import handlers.messages
    import handlers.peers
    import handlers.scopes
    import handlers.sessions
    import handlers.system
    import handlers.webhooks
    import handlers.workspaces
    from generated import protocols

    system: protocols.SystemApi = handlers.system
    workspaces: protocols.WorkspacesApi = handlers.workspaces
    peers: protocols.PeersApi = handlers.peers
    sessions: protocols.SessionsApi = handlers.sessions
    scopes: protocols.ScopesApi = handlers.scopes
    messages: protocols.MessagesApi = handlers.messages
    conclusions: protocols.ConclusionsApi = handlers.conclusions
    keys: protocols.KeysApi = handlers.keys
    webhooks: protocols.WebhooksApi = handlers.webhooks
