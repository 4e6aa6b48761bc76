"""A workspace as lines of JSON, out of one database and into another: `form`, `reading`, `writing`."""
