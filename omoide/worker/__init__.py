"""The worker: claims and runs jobs, in its own process or in the process of the API."""
