"""Everything that computes with a model or its vocabulary. No SQL, no HTTP routes."""
