"""The recall benchmark: long conversations, and questions with known evidence turns."""
