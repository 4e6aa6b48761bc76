"""Thinking: what is known, put into words and into a budget. No SQL, no HTTP."""
