"""Hooks: what agents run by themselves when a session starts or a turn ends. Light: each run is a process."""
