"""One stored value damaged at a time, and everything used."""
