"""Checks every module of handlers/ against its Protocol; for type checkers only.

Generated from openapi.yaml by `make regenerate`. Do not edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import omoide.handlers.conclusions
    import omoide.handlers.keys
    import omoide.handlers.messages
    import omoide.handlers.peers
    import omoide.handlers.scopes
    import omoide.handlers.sessions
    import omoide.handlers.system
    import omoide.handlers.webhooks
    import omoide.handlers.workspaces
    from omoide.generated import protocols

    system: protocols.SystemApi = omoide.handlers.system
    workspaces: protocols.WorkspacesApi = omoide.handlers.workspaces
    peers: protocols.PeersApi = omoide.handlers.peers
    sessions: protocols.SessionsApi = omoide.handlers.sessions
    scopes: protocols.ScopesApi = omoide.handlers.scopes
    messages: protocols.MessagesApi = omoide.handlers.messages
    conclusions: protocols.ConclusionsApi = omoide.handlers.conclusions
    keys: protocols.KeysApi = omoide.handlers.keys
    webhooks: protocols.WebhooksApi = omoide.handlers.webhooks
