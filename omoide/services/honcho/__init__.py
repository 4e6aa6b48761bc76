"""Import workspaces from a Honcho server over its API: it is only read from, and never changed."""
