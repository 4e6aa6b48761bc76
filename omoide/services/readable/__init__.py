"""Workspaces as people and other programs read them: Markdown, and messages as OpenAI's API takes them."""
