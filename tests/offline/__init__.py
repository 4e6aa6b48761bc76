"""What keeps a server from the network."""
