"""Store everything in a PostgreSQL database."""
