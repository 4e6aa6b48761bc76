"""Fair queueing: requests and jobs of many callers share threads, the event loop and the models."""
