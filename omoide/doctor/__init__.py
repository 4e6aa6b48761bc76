"""Read-only checks of an installation.

Each check is a function that returns a `Verdict`. The command line prints them.
"""
