"""What matters only where the site is deployed, for `check --deploy` and rcs_doctor: settings in, warnings out."""

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages

from rcs_router.checks.ids import found
from rcs_router.checks.router import good_settings


def check_received_files(**kwargs: object) -> list[CheckMessage]:
    """Have the files that people send a place? On the first day with this app nobody sends any."""
    good = good_settings()
    if good.MEDIA_FETCH and good.MEDIA_STORAGE in settings.STORAGES and _is_nowhere(good.MEDIA_STORAGE):
        return [found("W109", "MEDIA_ROOT is empty, and received files are stored below it")]
    return []


def _is_nowhere(alias: str) -> bool:
    """A file system's storage without a place is where the process was started."""
    try:
        storage = storages[alias]
    except (InvalidStorageError, TypeError):  # Django says that by itself when it is used
        return False
    return isinstance(storage, FileSystemStorage) and not storage.base_location
