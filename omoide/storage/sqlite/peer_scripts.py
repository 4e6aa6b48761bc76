"""SQL of the twelfth migration step for merged peers and for the history of memberships."""

from __future__ import annotations

# `peer` is the peer that an id stands for; NULL if the id is free again, and remembered only to refuse older keys.
# `is_kept` is 0 while a merge runs that will free the id. A merged peer has the kind `merged` until its rows moved.
MERGING = """\
CREATE TABLE peer_aliases (
    workspace INTEGER NOT NULL REFERENCES workspaces, id TEXT NOT NULL, peer INTEGER REFERENCES peers,
    is_kept INTEGER NOT NULL, merged_at INTEGER NOT NULL, PRIMARY KEY (workspace, id)) WITHOUT ROWID;
CREATE INDEX peer_aliases_peer ON peer_aliases (peer);
"""

# Stays by time, with who added and removed the peer: `stays` has positions, and no two that begin at the same one. Of
# members from before, only the latest stay is known. Scopes have none.
VISITS = """\
CREATE TABLE visits (
    pk INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES sessions, peer INTEGER NOT NULL REFERENCES peers,
    joined_at INTEGER, left_at INTEGER, added_by TEXT, removed_by TEXT);
CREATE INDEX visits_member ON visits (session, peer);
CREATE INDEX visits_peer ON visits (peer);
INSERT INTO visits (session, peer, joined_at, left_at)
    SELECT m.session, m.peer, m.joined_at, m.left_at FROM members m JOIN peers p ON p.pk = m.peer
    WHERE p.kind <> 'scope' ORDER BY m.session, m.joined_at, m.peer;
"""
