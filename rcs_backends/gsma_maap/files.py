"""Build the upload of a file that the platform keeps, and read the platform's file objects.

The answers are not documented anywhere: this reads a file object like that of the event `fileStatus`, bare or wrapped
in `file`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from urllib3.filepost import encode_multipart_formdata

from rcs_backends.gsma_maap.reading import number
from rcs_backends.gsma_maap.suggestions import date_time
from rcs_backends.reading import text, time
from rcs_router.contract import MALFORMED_REPLY
from rcs_router.errors import Unavailable

MEMBERS = frozenset({"fileId", "fileUrl", "fileSize", "status", "validity"})
KEPT = timedelta(days=30)  # what clients request by default


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file on the platform. `url` can be used in messages once `status` is ready; it is an ordinary address."""

    file_id: str
    status: str = ""  # the platform's word; only "ready" is known for certain
    url: str = ""
    size: int | None = None  # bytes
    valid_until: datetime | None = None


def form(
    media_type: str, until: datetime | None, content: tuple[str, bytes] | str
) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of an upload. `content`: (name, bytes) or a URL. Raises ValueError for a naive time."""
    until = until or datetime.now(UTC) + KEPT
    if until.tzinfo is None:
        raise ValueError("until needs a time zone")
    fields: list[tuple[str, Any]] = [("fileType", media_type), ("until", date_time(until))]
    if isinstance(content, str):
        fields.append(("fileUrl", content))
    else:
        fields.append(("fileContent", (*content, media_type)))
    body, content_type = encode_multipart_formdata(fields)
    return body, {"Content-Type": content_type}


def stored(answer: Mapping[str, Any], file_id: str = "") -> StoredFile:
    """Return the file that an answer describes. Raises Unavailable when the answer does not identify one."""
    file = file_of(answer)
    file_id = text(file.get("fileId")) or file_id
    if not file_id or not MEMBERS & file.keys():
        raise Unavailable("an answer without fileId: the file may have been stored", code=MALFORMED_REPLY)
    return StoredFile(file_id, **properties(file))


def file_of(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = answer.get("file")
    return inner if isinstance(inner, Mapping) else answer


def properties(file: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file object says besides its id, under our names."""
    size = number(file.get("fileSize"))
    return {
        "status": text(file.get("status")),
        "url": text(file.get("fileUrl")),
        "size": None if size is None or size < 0 else int(size),
        "valid_until": time(file.get("validity")),
    }
