"""The router apps of RCS_ROUTER["APPS"], created once per process, in their order."""

from functools import lru_cache
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from rcs_router.conf import router_settings
from rcs_router.errors import ConfigError
from rcs_router.handlers import BaseHandler, HandlerApp
from rcs_router.phases import RouterApp


@lru_cache(maxsize=1)
def router_apps() -> tuple[RouterApp, ...]:
    """Return the apps of RCS_ROUTER["APPS"], one instance each. Raises ConfigError for a path that is not an app."""
    return tuple(load_app(path) for path in router_settings().APPS)


def load_app(path: str) -> RouterApp:
    """Return one app by its dotted path: a RouterApp class, or a handler class, which is wrapped in one."""
    try:
        cls = import_string(path)
    except Exception as error:
        raise ConfigError(f'RCS_ROUTER["APPS"]: {path!r} cannot be imported: {error}') from error
    if isinstance(cls, type) and issubclass(cls, BaseHandler):
        return HandlerApp(cls)
    if isinstance(cls, type) and issubclass(cls, RouterApp):
        return cls()
    raise ConfigError(f'RCS_ROUTER["APPS"]: {path!r} is neither a RouterApp nor a handler')


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "RCS_ROUTER":
        router_apps.cache_clear()


setting_changed.connect(_forget)
