"""SQL of the twelfth migration step for peers that were merged."""

from __future__ import annotations

# `peer` is the peer that an id stands for; NULL if the id is free again, and remembered only to refuse older keys.
# `is_kept` is 0 while a merge runs that will free the id. A merged peer has the kind `merged` until its rows moved.
MERGING = """\
CREATE TABLE peer_aliases (
    workspace INTEGER NOT NULL REFERENCES workspaces, id TEXT NOT NULL, peer INTEGER REFERENCES peers,
    is_kept INTEGER NOT NULL, merged_at INTEGER NOT NULL, PRIMARY KEY (workspace, id)) WITHOUT ROWID;
CREATE INDEX peer_aliases_peer ON peer_aliases (peer);
"""
