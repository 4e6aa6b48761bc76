"""How well a language model remembers and answers with Omoide: for anyone with a key or a local endpoint."""
