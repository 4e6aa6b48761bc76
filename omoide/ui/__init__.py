"""The page to look at memory: static files for a browser, which uses nothing but the public API."""
