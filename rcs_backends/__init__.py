"""The backends: each turns one Outbound into one request, and one webhook request into receipts and incoming events."""
