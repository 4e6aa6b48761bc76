"""The recall benchmark: long conversations with questions whose evidence turns are known."""
