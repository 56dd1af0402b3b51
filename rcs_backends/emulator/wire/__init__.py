"""One package for each provider: it takes the provider's requests, shows messages on phones and sends webhooks."""
