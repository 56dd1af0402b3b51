"""The keys of RCS_ROUTER on received files in; what is wrong with their values out."""

import re
from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages

from rcs_router.checks.ids import found
from rcs_router.conf import RouterSettings

_PATTERN = re.compile(r"[A-Za-z0-9*][\w.+*-]*/[A-Za-z0-9*][\w.+*-]*")


def check_media(good: RouterSettings) -> Iterator[CheckMessage]:
    """Types, storage, and where links may lead."""
    for pattern in good.MEDIA_TYPES:
        if not _PATTERN.fullmatch(pattern):
            yield found("E116", f'RCS_ROUTER["MEDIA_TYPES"]: {pattern!r} is no media type')
    if good.MEDIA_ALLOW_PRIVATE and not settings.DEBUG:
        yield found("W108", 'RCS_ROUTER["MEDIA_ALLOW_PRIVATE"] is True')
    if good.MEDIA_STORAGE not in settings.STORAGES:
        yield found("E117", f'RCS_ROUTER["MEDIA_STORAGE"]: there is no storage {good.MEDIA_STORAGE!r}')
    elif good.MEDIA_FETCH and _is_nowhere(good.MEDIA_STORAGE):
        yield found("W109", "MEDIA_ROOT is empty, and received files are stored below it")


def _is_nowhere(alias: str) -> bool:
    """A file system's storage without a place is where the process was started."""
    try:
        storage = storages[alias]
    except (InvalidStorageError, TypeError):  # Django says that by itself when it is used
        return False
    return isinstance(storage, FileSystemStorage) and not storage.base_location
