"""Examples for agent frameworks: make test-examples installs what they need, and runs these tests."""
