"""Everything at the same time on many connections, and whether all that was acknowledged is there afterwards."""
