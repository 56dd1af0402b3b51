"""The pages of Django's admin: they show rows, and their actions call the functions that the router itself uses."""

from rcs_router.admin import consent, health, media, message, people, transmission, webhooks

__all__ = ["consent", "health", "media", "message", "people", "transmission", "webhooks"]
