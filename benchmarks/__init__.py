"""Measurements of Omoide that are run by hand or in tests; nothing the server itself imports belongs here."""
