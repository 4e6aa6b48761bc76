"""What one tenant's load costs another: a light tenant measured without and with each of several heavy ones."""
