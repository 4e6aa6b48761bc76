"""Benchmarks of Omoide, run manually or by tests; the server imports nothing from here."""
