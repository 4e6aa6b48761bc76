"""Serve the tools of the document by the Model Context Protocol."""
