"""Build, try and tag a release: `make release` (docs/how-to/release.md). Nothing is published."""
