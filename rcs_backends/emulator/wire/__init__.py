"""One wire per provider, as the provider serves it: requests come in, messages and webhooks go out."""
