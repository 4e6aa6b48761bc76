"""Recognize exported conversations, and split them into what each speaker said, and when."""
