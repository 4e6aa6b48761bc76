"""Models, embedders and tokenizers. No SQL, no HTTP routes."""
