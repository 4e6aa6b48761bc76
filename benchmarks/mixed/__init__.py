"""Mixed load on many connections, then a check that every acknowledged message is stored."""
