"""What the threat model in docs/explanation/security.md claims, held against real servers."""
