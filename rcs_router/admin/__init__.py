"""Django's autodiscovery in, the screens of the router out: a window on the rows; its actions call the engine's own."""

from rcs_router.admin import consent, intake, media, message, people, state, transmission

__all__ = ["consent", "intake", "media", "message", "people", "state", "transmission"]
