"""Agent frameworks as MCP clients."""
