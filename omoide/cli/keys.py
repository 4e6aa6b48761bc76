"""`omoide key`: create API keys."""

from __future__ import annotations

import math

import click

from omoide.cli.command_settings import read_settings
from omoide.core import clock
from omoide.core.auth import Keyring, Principal, check_expiry
from omoide.core.errors import OmoideError
from omoide.core.identifiers import check_id, check_peer_names

MOST_DAYS = 36_525
"""A century."""


@click.group()
def key() -> None:
    """Create API keys."""


@key.command()
@click.option("--admin", is_flag=True, help="An admin key.")
@click.option("--workspace", help="A key for this workspace.")
@click.option("--peer", help="Restrict it to this peer of the workspace.")
@click.option("--session", help="Restrict it to this session of the workspace.")
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True, max=MOST_DAYS),
    help="Days until it expires. Default: never.",
)
def create(*, admin: bool, workspace: str | None, peer: str | None, session: str | None, days: float | None) -> None:
    """Print a new key, signed with OMOIDE_JWT_SECRET."""
    if admin == bool(workspace):
        raise click.UsageError("Pass exactly one of --admin and --workspace.")
    if days is not None and math.isnan(days):
        raise click.UsageError("--days must be a number.")
    if (peer or session) and not workspace:
        raise click.UsageError("--peer and --session require --workspace.")
    try:
        for kind, name in (("Workspace", workspace), ("Session", session)):
            if name is not None:
                check_id(kind, name)
        check_peer_names([peer] if peer is not None else [])
    except OmoideError as error:
        raise click.UsageError(error.detail) from error
    secret = read_settings().jwt_secret.get_secret_value()
    if not secret:
        raise click.ClickException("Set OMOIDE_JWT_SECRET to the server's secret.")
    now = clock.now()
    expires_at = None if days is None else now + round(days * clock.DAY)
    if expires_at is not None:
        try:
            check_expiry(expires_at, now)
        except OmoideError as error:
            raise click.UsageError(error.detail) from error
    click.echo(Keyring(secret).mint(Principal(admin, workspace, peer, session), now=now, expires_at=expires_at))
