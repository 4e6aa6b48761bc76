"""The operations of the tag `keys`."""

from __future__ import annotations

from omoide.core import auth, clock
from omoide.core.auth import Keyring, Principal
from omoide.core.errors import Disabled, Unprocessable
from omoide.generated import models, parameters
from omoide.handlers.context import Context


async def create_key(context: Context, *, query: parameters.CreateKeyQuery) -> models.Key:
    """Create a key limited to the given workspace, peer and session."""
    if not context.settings.auth:
        raise Disabled("Feature is disabled")
    if not (query.workspace_id or query.peer_id or query.session_id):
        raise Unprocessable("At least one of workspace_id, peer_id, or session_id must be provided")
    if not query.workspace_id:
        raise Unprocessable("workspace_id is required when scoping a key to a peer or session")
    now, until = clock.now(), None if query.expires_at is None else clock.to_micros(query.expires_at)
    if until is not None:
        auth.check_expiry(until, now)
    keyring = Keyring(context.settings.jwt_secret.get_secret_value())
    principal = Principal(workspace=query.workspace_id, peer=query.peer_id, session=query.session_id)
    return models.Key(key=keyring.mint(principal, now=now, expires_at=until))
