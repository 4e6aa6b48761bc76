"""The inspector of MCP as a client."""
