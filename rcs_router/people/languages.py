"""Group connections by the language of their people, for a message in several translations."""

from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db.models import prefetch_related_objects

from rcs_router.models import Connection


def by_language(connections: Iterable[Connection]) -> Iterator[tuple[str, list[Connection]]]:
    """Yield (language tag, its connections), sorted by tag; LANGUAGE_CODE for unknown languages. One statement.

    for language, theirs in by_language(connections):
        with translation.override(language):
            send(gettext("Good morning"), theirs)
    """
    groups: dict[str, list[Connection]] = {}
    rows = list(connections)
    prefetch_related_objects(rows, "contact")
    for connection in rows:
        language = connection.contact.language if connection.contact else ""
        groups.setdefault(language or settings.LANGUAGE_CODE, []).append(connection)
    yield from sorted(groups.items())
