"""Headers between `omoide mcp` and the server, besides those of MCP."""

REPEATED = "X-Omoide-Repeated"
"""Of a call that may have been carried out before: `omoide mcp` repeats what a server has not answered."""
