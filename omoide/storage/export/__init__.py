"""Export a workspace as JSON Lines and import it into a database: `form`, `reading`, `writing`."""
