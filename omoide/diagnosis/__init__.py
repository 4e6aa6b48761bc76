"""What is the matter with an installation: checks that look, change nothing, and say what they found in a sentence.

Each check is a function from what it looks at to a `Verdict`. Printing them belongs to the command line.
"""
