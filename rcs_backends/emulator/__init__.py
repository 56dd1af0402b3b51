"""The other side of every wire, for development and tests: providers that answer, and phones that show and tap."""
