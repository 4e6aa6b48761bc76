"""Everything that openapi.yaml says, as Python.

Made from openapi.yaml by `make regenerate`; never edited.
"""
