"""Extract text from uploaded files. No SQL, no HTTP."""
