"""Check what matters only on a deployed site: `check --deploy` and rcs_doctor report it."""

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages

from rcs_router.checks.ids import found
from rcs_router.checks.router import good_settings


def check_received_files(**kwargs: object) -> list[CheckMessage]:
    """Check that received files have a storage location. A new site receives none, so nobody would notice."""
    good = good_settings()
    if good.MEDIA_FETCH and good.MEDIA_STORAGE in settings.STORAGES and _is_nowhere(good.MEDIA_STORAGE):
        return [found("W109", "MEDIA_ROOT is empty, but received files are stored in it")]
    return []


def _is_nowhere(alias: str) -> bool:
    """Return True for a file system storage without a location: it writes where the process was started."""
    try:
        storage = storages[alias]
    except (InvalidStorageError, TypeError):  # Django reports this when the storage is used
        return False
    return isinstance(storage, FileSystemStorage) and not storage.base_location
