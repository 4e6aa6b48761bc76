"""Keys: what they say, and what they open.

A key is a JWT (HS256). Its claims narrow it: `ad` admin, `w` workspace, `p` peer, `s` session. The narrowest claim
decides, also where `ad` comes with it, by the roles that an operation lists in the document; see the top of
openapi.yaml. Every refusal is a 401,
because that is what clients of this API act on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from omoide import clock
from omoide.deferred import deferred
from omoide.errors import Unauthorized, Unprocessable
from omoide.records import ANYTHING, Grant

with deferred("jwt"):
    import jwt

ALGORITHM = "HS256"
CACHED_KEYS = 4_096
KEY_CHARACTERS = 4_096
"""The longest key that is read, and the longest header that is remembered."""
NOT_PERMITTED = "JWT not permissioned for this resource"
NAMED = frozenset({"named"})
"""The roles of an operation that names in its body what it gets or creates."""

_FIRST_INSTANT, _LAST_INSTANT = (clock.micros(end.replace(tzinfo=UTC)) for end in (datetime.min, datetime.max))

# Three parts in base64url and nothing around them, for decoders commonly forgive padding and worse.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. None in a field means that the key says nothing about it."""

    admin: bool = False
    workspace: str | None = None
    peer: str | None = None
    session: str | None = None


ADMIN = Principal(admin=True)
NOBODY = Principal()


class Keyring:
    """Mints keys and reads them. A key that was verified once is remembered until it expires."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._verified: dict[str, tuple[Principal, int | None]] = {}
        self._forged = ""
        """The last token with a wrong signature: limits by caller look at a key as well, before the operation does."""

    def mint(self, principal: Principal, *, now: int, expires_at: int | None = None) -> str:
        """A key for the principal; instants in microseconds since 1970."""
        claims: dict[str, Any] = {"t": clock.instant(now).strftime("%Y-%m-%dT%H:%M:%SZ"), "jti": clock.new_id(now)}
        named = {"ad": principal.admin, "w": principal.workspace, "p": principal.peer, "s": principal.session}
        claims.update({name: value for name, value in named.items() if value})
        if expires_at is not None:
            claims["exp"] = expires_at // 1_000_000
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def principal(self, authorization: str | None, now: int) -> Principal:
        """Who an Authorization header stands for. Raises Unauthorized if it stands for nobody."""
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
            # `exp` is judged below, because keys made by older servers carry it as an ISO text.
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
        return Principal(admin is True and workspace is None, workspace, peer, session), expires


def _said_once(members: list[tuple[str, Any]]) -> None:
    """Raise ValueError where a claim stands twice, since readers differ in which one they take."""
    if len({name for name, _ in members}) < len(members):
        raise ValueError("a claim stands twice")


def _name(claim: object) -> str | None:
    if claim is None or claim == "":
        return None
    if not isinstance(claim, str):
        raise Unauthorized("Invalid JWT")
    return claim


def _expiry(claim: object) -> int | None:
    """`exp` in microseconds since 1970: a number of seconds, or an ISO text, without zone in UTC."""
    try:
        if claim is None:
            return None
        if isinstance(claim, str):
            return clock.micros(datetime.fromisoformat(claim))
        if isinstance(claim, int | float) and not isinstance(claim, bool):
            return int(claim * 1_000_000)
    except (ValueError, OverflowError):
        pass
    raise Unauthorized("Invalid JWT")


def check_expiry(expires_at: int, now: int) -> None:
    """Raise Unprocessable for the end of a key, in microseconds since 1970 as `now`, that lies in the past.

    Keys carry whole seconds, so an end is in the future if its second is; and it must have a date in UTC.
    """
    if not _FIRST_INSTANT <= expires_at <= _LAST_INSTANT:
        raise Unprocessable("The expiry must lie in the years 1 to 9999 in UTC")
    if expires_at // 1_000_000 * 1_000_000 <= now:
        raise Unprocessable("The expiry must lie in the future")


def permits(principal: Principal, roles: frozenset[str], path: Mapping[str, str]) -> bool | None:
    """Whether the principal may call an operation with these roles on this path. Pure.

    None: only if the principal's peer is in the path's session now, which somebody must look up.
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
        if "asked" in roles:  # which session it asks for stands in the query: `may_ask_for` decides
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


IsMember = Callable[[str, str, str], bool]
"""(workspace, session, peer) → whether the peer is in the session now."""


def authorizer(
    keyring: Keyring | None, is_member: IsMember, opened: Collection[str] = ()
) -> Callable[[frozenset[str]], Callable[[str | None, Mapping[str, str]], Principal]]:
    """What the contract asks for: roles → check. Without a keyring everybody is admin.

    What lists a role of `opened` is open to everybody, as nobody.
    """

    def authorize(roles: frozenset[str]) -> Callable[[str | None, Mapping[str, str]], Principal]:
        def check(authorization: str | None, path: Mapping[str, str]) -> Principal:
            if keyring is None:
                return ADMIN
            principal = keyring.principal(authorization, clock.now())
            verdict = permits(principal, roles, path)
            if verdict is None and principal.peer is not None:
                verdict = is_member(path["workspace_id"], path["session_id"], principal.peer)
            if not verdict:
                raise refusal(roles)
            return principal

        return check if roles.isdisjoint(opened) else lambda authorization, path: NOBODY

    return authorize


def reader(principal: Principal) -> str | None:
    """The peer through which the key reads messages, by the rule of `store.visibility`; None for a wider key.

    A key of a session reads all of its session, even where it names a peer as well.
    """
    return principal.peer if principal.session is None else None


def reads_members_of(principal: Principal) -> str | None:
    """The session of which the key reads the members, and no other peers; None for a key of no session."""
    return principal.session


def may_name_workspace(principal: Principal, workspace_id: str) -> None:
    """Raise Unauthorized unless the key may get or create this workspace: every key of it may."""
    if not principal.admin and principal.workspace != workspace_id:
        raise refusal(NAMED)


def may_ask_for(principal: Principal, session_id: str | None) -> None:
    """Raise Unauthorized if the key is narrowed to a session and this, which the query names, is not it."""
    if not principal.admin and principal.session is not None and principal.session != session_id:
        raise Unauthorized(NOT_PERMITTED)


def peer_grant(principal: Principal, peer_id: str) -> Grant:
    """What the key may do to the peer by get-or-create. Raises Unauthorized if it may not even name it.

    A peer's key: its own peer. A session's key: name any that is there; it reads only the members of its session, see
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
    """What the key may do to the session by get-or-create. Raises Unauthorized if it may not even name it.

    A session's key: its own session. A peer's key: read one that the peer is in, see `reader`, and create one with the
    peer as its only member. Neither may put a session into scopes.
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
