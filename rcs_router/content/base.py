"""Field types shared by messages and suggestions; pydantic's errors become ContentError with a path."""

import functools
from collections.abc import Callable, Iterable, Sequence
from datetime import MAXYEAR, MINYEAR, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from django.utils.encoding import iri_to_uri, punycode
from django.utils.functional import Promise
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, ValidationError

from rcs_router.errors import ContentError

CONFIG = ConfigDict(extra="forbid", str_strip_whitespace=False, validate_default=False)

T = TypeVar("T", bound=type)
One = TypeVar("One")
if TYPE_CHECKING:
    Several = Sequence  # a list is accepted too
else:
    Several = tuple[One, ...]  # the stored form
SUGGESTION_TAGS = frozenset(
    {
        *("reply", "open_url", "dial", "show_location", "request_location", "calendar_event", "compose_text"),
        *("compose_recording", "request_device_specifics", "disable_anonymization"),
        "enable_displayed_notifications",
        "send_postback",
    }
)


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("may not be blank")
    return value


def _web_address(value: str) -> str:
    try:
        host = urlsplit(value).hostname
    except ValueError:  # half of an IPv6 address
        host = None
    is_web = value.lower().startswith(("http://", "https://"))
    if not is_web or not host or any(c.isspace() for c in value):
        raise ValueError(f"{value!r} is not an http or https address")
    return _as_ascii(value)


def _as_ascii(address: str) -> str:
    """Return `https://müller.example/straße?q="` as ASCII: providers refuse what RFC 3986 does not allow."""
    if not address.isascii():
        parts = urlsplit(address)
        host = punycode(parts.netloc) if parts.netloc else ""
        address = urlunsplit(parts._replace(netloc=host))
    return iri_to_uri(address) or ""


def _in_every_zone(at: datetime) -> datetime:
    """Refuse times that have no value in UTC, at the ends of the calendar."""
    if not MINYEAR < at.year < MAXYEAR:
        raise ValueError(f"the year must be from {MINYEAR + 1} to {MAXYEAR - 1}")
    return at


Label = Annotated[str, AfterValidator(_not_blank)]
Postback = str
Phone = Annotated[str, Field(pattern=r"^\+?[0-9*#]+$", max_length=40)]
Url = Annotated[str, AfterValidator(_web_address)]
Time = Annotated[datetime, AfterValidator(_in_every_zone)]
AwareTime = Annotated[AwareDatetime, AfterValidator(_in_every_zone)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]

DEEPEST = 100  # how many nested lists are searched for lazily translated texts


def translated(value: Any, depth: int = 0) -> Any:
    """Return `value` with lazily translated texts in the active language; looks into lists and dicts.

    Lists nested deeper than DEEPEST are returned unchanged; the caller refuses them.
    """
    if isinstance(value, Promise):
        return str(value)
    if type(value) in {list, tuple} and depth < DEEPEST:
        return type(value)(translated(one, depth + 1) for one in value)
    if type(value) is dict and depth < DEEPEST:
        return {translated(key, depth + 1): translated(one, depth + 1) for key, one in value.items()}
    return value


def raises_content_error(cls: T) -> T:
    """Class decorator: an invalid argument raises ContentError with its path, instead of pydantic's own error.

    Texts may be lazily translated.
    """
    build = cls.__init__  # type: ignore[misc]

    @functools.wraps(build)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        names = tuple(cls.__dataclass_fields__)  # type: ignore[attr-defined]
        given, named = translated(args), translated(kwargs)
        with_content_error(lambda: build(self, *given, **named), tags=SUGGESTION_TAGS, names=names)

    cls.__init__ = __init__  # type: ignore[misc]
    return cls


def with_content_error(
    work: Callable[[], Any], *, tags: Iterable[str] = (), names: tuple[str, ...] = ()
) -> Any:
    """Run `work`; turn a ValidationError into a ContentError about its first problem. `names`: positional fields."""
    try:
        return work()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        location = list(first["loc"])
        if names and location and isinstance(location[0], int):  # a positional argument: use its name
            location[0] = names[location[0]]
        code = _CODES.get(first["type"], "content_invalid")
        raise ContentError(_path(location, set(tags)), _problem(first), code) from None


# pydantic's words for an unknown name, in a dataclass and in its JSON
_CODES = dict.fromkeys(("unexpected_keyword_argument", "extra_forbidden"), "unknown_field")


def _path(location: list[int | str], tags: set[str]) -> str:
    """Return 'cards[3].title' for ('cards', 3, 'title'), without the tags that pydantic adds for a union."""
    path = ""
    for position, part in enumerate(location):
        if isinstance(part, int):
            path += f"[{part}]"
        elif part in tags and (position == 0 or isinstance(location[position - 1], int)):
            continue
        else:
            path += f".{part}" if path else part
    return path


def _problem(error: Any) -> str:
    if error["type"] in {"model_attributes_type", "dataclass_type"}:
        return f"must be made of rcs_router.content, not {type(error['input']).__name__}"
    if error["type"] in _CODES:
        return "there is no such field"
    problem = error["msg"].removeprefix("Value error, ")
    return problem[0].lower() + problem[1:]
