"""API keys and authorization.

A key is a JWT (HS256). Its claims restrict it: `ad` admin, `w` workspace, `p` peer, `s` session. The narrowest claim
decides, even together with `ad`, by the roles that an operation lists in the document; see the top of openapi.yaml.
Every refusal is a 401, as clients of this API expect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from omoide.core import clock
from omoide.core.errors import Unauthorized, Unprocessable
from omoide.core.lazy_import import lazy_import
from omoide.core.records import ANYTHING, Grant

with lazy_import("jwt"):
    import jwt

ALGORITHM = "HS256"
CACHED_KEYS = 4_096
KEY_CHARACTERS = 4_096
"""The maximum length of a key, and of a cached header."""
NOT_PERMITTED = "JWT not permissioned for this resource"
NAMED = frozenset({"named"})
"""The roles of an operation whose body names the resource that it gets or creates."""


# Exactly three base64url parts: decoders commonly accept padding and worse.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, as authenticated by the key. None in a field: the key has no such claim."""

    admin: bool = False
    workspace: str | None = None
    peer: str | None = None
    session: str | None = None
    issued_at: int = field(default=0, compare=False)
    """When the key was minted, in microseconds since 1970; 0 if it does not say."""


ADMIN = Principal(admin=True)
ANONYMOUS = Principal()


class Keyring:
    """Mints and verifies keys. Verified keys are cached until they expire."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._verified: dict[str, tuple[Principal, int | None]] = {}
        self._forged = ""
        """The last token with a wrong signature; rate limits verify the same key before the operation does."""

    def mint(self, principal: Principal, *, now: int, expires_at: int | None = None) -> str:
        """Sign a key for the principal; instants in microseconds since 1970."""
        claims: dict[str, Any] = {"t": clock.to_second(now), "jti": clock.new_id(now)}
        named = {"ad": principal.admin, "w": principal.workspace, "p": principal.peer, "s": principal.session}
        claims.update({name: value for name, value in named.items() if value})
        if expires_at is not None:
            claims["exp"] = expires_at // clock.SECOND
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def principal(self, authorization: str | None, now: int) -> Principal:
        """The principal of an Authorization header. Raises Unauthorized if it is missing or invalid."""
        if authorization is not None and (known := self._verified.get(authorization)):
            if known[1] is None or now < known[1]:
                return known[0]
            raise Unauthorized("JWT expired")
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("No access token provided")
        principal, expires = self._verify(token.strip(), now)
        if len(self._verified) >= CACHED_KEYS:
            self._verified.clear()
        if authorization is not None and len(authorization) <= KEY_CHARACTERS:
            self._verified[authorization] = principal, expires
        return principal

    def _verify(self, token: str, now: int) -> tuple[Principal, int | None]:
        if token == self._forged or len(token) > KEY_CHARACTERS or not _COMPACT.fullmatch(token):
            raise Unauthorized("Invalid JWT")
        try:
            # `exp` is checked below, because keys of older servers have it as an ISO string.
            claims = jwt.decode(token, self._secret, algorithms=[ALGORITHM], options={"verify_exp": False})
            json.loads(jwt.utils.base64url_decode(token.split(".")[1]), object_pairs_hook=_said_once)
        except jwt.PyJWTError:
            self._forged = token
            raise Unauthorized("Invalid JWT") from None
        except (ValueError, TypeError, RecursionError):
            raise Unauthorized("Invalid JWT") from None
        expires = _expiry(claims.get("exp"))
        if expires is not None and expires <= now:
            raise Unauthorized("JWT expired")
        workspace, peer, session = (_name(claims.get(claim)) for claim in "wps")
        if workspace is None and (peer or session):
            raise Unauthorized("Invalid JWT scope: peer/session token missing workspace")
        admin = claims.get("ad")
        if not (admin is None or isinstance(admin, bool)):
            raise Unauthorized("Invalid JWT")
        issued_at = _issued_at(claims)
        return Principal(admin is True and workspace is None, workspace, peer, session, issued_at), expires


def _said_once(members: list[tuple[str, Any]]) -> None:
    """Raise ValueError for a duplicate claim, since parsers differ in which one they use."""
    if len({name for name, _ in members}) < len(members):
        raise ValueError("duplicate claim")


def _name(claim: object) -> str | None:
    if claim is None or claim == "":
        return None
    if not isinstance(claim, str):
        raise Unauthorized("Invalid JWT")
    return claim


def _expiry(claim: object) -> int | None:
    """`exp` in microseconds since 1970, from a number of seconds or an ISO string; a naive one is UTC."""
    try:
        if claim is None:
            return None
        if isinstance(claim, str):
            return clock.to_micros(datetime.fromisoformat(claim))
        if isinstance(claim, int | float) and not isinstance(claim, bool):
            return int(claim * clock.SECOND)
    except (ValueError, OverflowError):
        pass
    raise Unauthorized("Invalid JWT")


def _issued_at(claims: Mapping[str, Any]) -> int:
    """When the key was minted, from its id, else from `t`, which has only seconds; 0 if neither says."""
    try:
        if isinstance(id := claims.get("jti"), str) and len(id) == clock.ID_LENGTH:
            return clock.created_at_of_id(id) * 1_000
        return clock.to_micros(datetime.fromisoformat(claims["t"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0


def check_expiry(expires_at: int, now: int) -> None:
    """Raise Unprocessable unless the expiry of a key is in the future; both in microseconds since 1970.

    Keys store whole seconds, so the expiry is truncated to seconds first. It must be a valid UTC date.
    """
    if not clock.FIRST <= expires_at <= clock.LAST:
        raise Unprocessable("The expiry must be in the years 1 to 9999 in UTC")
    if expires_at // clock.SECOND * clock.SECOND <= now:
        raise Unprocessable("The expiry must be in the future")


def permits(principal: Principal, roles: frozenset[str], path: Mapping[str, str]) -> bool | None:
    """Whether the principal may call an operation with these roles on this path. Pure.

    None: only if the principal's peer is currently a member of the path's session, which the caller must look up.
    """
    if principal.admin:
        return True
    if principal.workspace is None:
        return False
    if "workspace_id" in path and path["workspace_id"] != principal.workspace:
        return False
    if "named" in roles:
        return True
    if principal.session is not None:
        if "asked" in roles:  # the session is a query parameter: `may_ask_for` decides
            return True
        return "session" in roles and path.get("session_id") == principal.session
    if principal.peer is not None:
        if "peer" in roles:
            return path.get("peer_id") == principal.peer
        if "member" in roles and path.get("peer_id", principal.peer) == principal.peer:
            return None
        return False
    return "workspace" in roles


def refusal(roles: frozenset[str]) -> Unauthorized:
    if "named" in roles:
        return Unauthorized("Unauthorized access to resource")
    return Unauthorized("Resource requires admin privileges" if roles <= {"admin", "metrics"} else NOT_PERMITTED)


class Peers(Protocol):
    """What is known about the peers of keys."""

    async def is_member(self, workspace_id: str, session_id: str, peer_id: str) -> bool:
        """Whether the peer is currently a member of the session."""

    async def is_retired(self, workspace_id: str, peer_id: str, issued_at: int) -> bool:
        """Whether the peer of a key issued at this time has been merged into another since."""


Check = Callable[[str | None, Mapping[str, str]], Awaitable[Principal]]
"""(Authorization header, path parameters) → principal. Raises Unauthorized."""


def authorizer(
    keyring: Keyring | None, peers: Peers, opened: Collection[str] = ()
) -> Callable[[frozenset[str]], Check]:
    """The authorization function for the contract: roles → check. Without a keyring every caller is admin.

    Operations with a role in `opened` are open to all callers, with the principal `ANONYMOUS`.
    """

    async def anyone(authorization: str | None, path: Mapping[str, str]) -> Principal:
        return ANONYMOUS

    async def _is_retired(principal: Principal) -> bool:
        if principal.peer is None or principal.workspace is None:
            return False
        return await peers.is_retired(principal.workspace, principal.peer, principal.issued_at)

    def authorize(roles: frozenset[str]) -> Check:
        async def check(authorization: str | None, path: Mapping[str, str]) -> Principal:
            if keyring is None:
                return ADMIN
            principal = keyring.principal(authorization, clock.now())
            verdict = permits(principal, roles, path)
            if verdict is None and principal.peer is not None:
                verdict = await peers.is_member(path["workspace_id"], path["session_id"], principal.peer)
            if not verdict or await _is_retired(principal):
                raise refusal(roles)
            return principal

        return check if roles.isdisjoint(opened) else anyone

    return authorize


def name_of(principal: Principal) -> str:
    """Describe a caller by its narrowest claim, for records that others may read: it holds nothing secret."""
    if principal.session is not None:
        return f"session:{principal.session}"
    if principal.peer is not None:
        return f"peer:{principal.peer}"
    return "admin" if principal.admin else "workspace"


def reader(principal: Principal) -> str | None:
    """The peer whose visibility (see `store.visibility`) limits the key's reads of messages; None for no limit.

    A session key reads all of its session, even if it also names a peer.
    """
    return principal.peer if principal.session is None else None


def reads_members_of(principal: Principal) -> str | None:
    """The session whose members are the only peers that the key can read; None without a session claim."""
    return principal.session


def may_name_workspace(principal: Principal, workspace_id: str) -> None:
    """Raise Unauthorized unless the key may get or create this workspace; every key of the workspace may."""
    if not principal.admin and principal.workspace != workspace_id:
        raise refusal(NAMED)


def may_ask_for(principal: Principal, session_id: str | None) -> None:
    """Raise Unauthorized if the key is restricted to a session other than the one in the query."""
    if not principal.admin and principal.session is not None and principal.session != session_id:
        raise Unauthorized(NOT_PERMITTED)


def peer_grant(principal: Principal, peer_id: str) -> Grant:
    """The key's permissions on a peer in get-or-create. Raises Unauthorized if it may not even read it.

    A peer key: its own peer. A session key: get any existing peer; it reads only members of its session, see
    `reads_members_of`.
    """
    if principal.session is not None:
        return Grant(create=False, change=False)
    if principal.peer not in (None, peer_id):
        raise refusal(NAMED)
    return ANYTHING


def session_grant(
    principal: Principal, session_id: str, peer_ids: Collection[str], scope_ids: Collection[str] = ()
) -> Grant:
    """The key's permissions on a session in get-or-create. Raises Unauthorized if it may not even read it.

    A session key: its own session. A peer key: read sessions of the peer, see `reader`, and create one with the peer as
    its only member. Neither may add a session to scopes.
    """
    if scope_ids and not principal.admin and (principal.peer or principal.session):
        raise Unauthorized("Scope membership requires a workspace-level key")
    if principal.session is not None:
        if principal.session != session_id:
            raise refusal(NAMED)
        return ANYTHING
    if principal.peer is not None:
        return Grant(create={*peer_ids} == {principal.peer}, change=False)
    return ANYTHING
