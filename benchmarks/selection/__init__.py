"""Train and measure the model that chooses which statements become conclusions."""
