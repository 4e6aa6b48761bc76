"""Search messages and conclusions, by words (BM25) and by meaning (embeddings)."""
