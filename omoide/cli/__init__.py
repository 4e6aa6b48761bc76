"""The command line, one module for each command; `main` puts them together."""
