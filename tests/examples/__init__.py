"""Each example runs as a user runs it: a process of its own, against a real server."""
