"""Values and helpers that every other package may use: records, errors, settings, clock. No SQL, no HTTP."""
