"""Read what another program exported, a file, a folder or a ZIP archive, as conversations with their turns."""
