"""One module per tag of openapi.yaml, one async function per operation: read, one call, shape."""
