"""A server under mixed load and faults for as long as one likes: `make soak MINUTES=20` writes docs/soak.md."""
