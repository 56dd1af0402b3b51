"""The providers and the phones, for development and tests: APIs that answer, and phones that show messages."""
