"""How good the answers of the embedded reasoner are, on conversations and questions of our own."""
