"""The configuration files of agents: found, read, and changed without touching what is not ours.

An edit inserts, replaces or deletes one stretch of the text; everything else stays byte for byte. Afterwards a parser
reads the result, which must differ by that value only.
"""
