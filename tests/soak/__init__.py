"""Test a server under mixed load and faults: `make soak MINUTES=20` writes docs/reference/soak.md."""
