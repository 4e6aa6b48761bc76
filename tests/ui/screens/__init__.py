"""Each screen of the page in a browser: `make test-ui`. The whole takes over a minute, so `make test` leaves it out."""
