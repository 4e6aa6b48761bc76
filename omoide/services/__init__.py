"""Use cases, one per module, called by handlers."""
