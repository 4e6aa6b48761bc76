"""Examples whose frameworks are large: make test-examples-heavy installs them, 1.8 GB, and runs these tests."""
