"""Check the keys of RCS_ROUTER that are about received files."""

import re
from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage

from rcs_router.checks.ids import found
from rcs_router.conf import RouterSettings

_PATTERN = re.compile(r"[A-Za-z0-9*][\w.+*-]*/[A-Za-z0-9*][\w.+*-]*")


def check_media(good: RouterSettings) -> Iterator[CheckMessage]:
    """Check media types, the storage, and access to private networks. `deploy` checks the location of files."""
    for pattern in good.MEDIA_TYPES:
        if not _PATTERN.fullmatch(pattern):
            yield found("E116", f'RCS_ROUTER["MEDIA_TYPES"]: {pattern!r} is not a media type')
    if good.MEDIA_ALLOW_PRIVATE and not settings.DEBUG:
        yield found("W108", 'RCS_ROUTER["MEDIA_ALLOW_PRIVATE"] is True')
    if good.MEDIA_STORAGE not in settings.STORAGES:
        yield found("E117", f'RCS_ROUTER["MEDIA_STORAGE"]: STORAGES has no {good.MEDIA_STORAGE!r}')
