"""SQLite: connections, write-ahead log, full-text index, migrations, backup."""
