"""Check a database file for damage, and repair it."""
