"""Finding: messages and conclusions, by their words and by their meaning."""
