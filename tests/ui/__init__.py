"""The page in a real browser: headless Chromium, driven by playwright, against a real server."""
