"""Request handlers: one module per tag of openapi.yaml, one async function per operation."""
