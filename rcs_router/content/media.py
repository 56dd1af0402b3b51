"""Pictures, sound and documents in messages and cards: an address, or the provider's name of an upload."""

from operator import not_
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from rcs_router.content.base import CONFIG, Url, raises_content_error
from rcs_router.content.suggestions import Suggestions

Height = Literal["short", "medium", "tall"]
# such as image/jpeg; empty if unknown
MediaType = Annotated[str, Field(pattern=r"^([A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+)?$")]
Size = Annotated[int, Field(ge=0)]  # bytes


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class File:
    """A picture, video, sound or document: a public `url`, or the provider's name of an upload.

    `name`, `media_type` and `size` (bytes) are what a phone shows before it fetches the file, where the provider
    supports them. `thumbnail_name`, `thumbnail_type` and `thumbnail_size` describe the thumbnail.
    """

    url: Url | None = None
    uploaded: str = Field(default="", kw_only=True)
    name: str = Field(default="", kw_only=True)
    media_type: MediaType = Field(default="", kw_only=True)
    size: Size | None = Field(default=None, kw_only=True)
    thumbnail_url: Url | None = Field(default=None, kw_only=True)
    thumbnail_name: str = Field(default="", kw_only=True, exclude_if=not_)
    thumbnail_type: MediaType = Field(default="", kw_only=True)
    thumbnail_size: Size | None = Field(default=None, kw_only=True)
    uploaded_thumbnail: str = Field(default="", kw_only=True)
    force_refresh: bool = Field(default=False, kw_only=True)
    suggestions: Suggestions = Field(default=(), kw_only=True)
    type: Literal["file"] = Field(default="file", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        _one_source(self.url, self.uploaded)
        if self.thumbnail_name and not (self.thumbnail_url or self.uploaded_thumbnail):
            raise ValueError("thumbnail_name is the name of a thumbnail, and there is none")


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Audio:
    """A recording that the phone plays itself; `seconds` is its length. A File for providers without recordings."""

    url: Url | None = None
    seconds: Annotated[int, Field(ge=0)] | None = None
    uploaded: str = Field(default="", kw_only=True)
    name: str = Field(default="", kw_only=True)
    media_type: MediaType = Field(default="", kw_only=True)
    size: Size | None = Field(default=None, kw_only=True)
    suggestions: Suggestions = Field(default=(), kw_only=True)
    type: Literal["audio"] = Field(default="audio", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        _one_source(self.url, self.uploaded)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Media:
    """The picture or video of a card. `height`: short 112, medium 168 or tall 264 DP; `alt`: for screen readers."""

    url: Url | None = None
    height: Height = "medium"
    alt: str = ""
    uploaded: str = Field(default="", kw_only=True)
    media_type: MediaType = Field(default="", kw_only=True)
    size: Size | None = Field(default=None, kw_only=True)
    thumbnail_url: Url | None = Field(default=None, kw_only=True)
    thumbnail_type: MediaType = Field(default="", kw_only=True)
    thumbnail_size: Size | None = Field(default=None, kw_only=True)
    uploaded_thumbnail: str = Field(default="", kw_only=True)
    force_refresh: bool = Field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        _one_source(self.url, self.uploaded)


def _one_source(url: str | None, uploaded: str) -> None:
    if bool(url) == bool(uploaded):
        raise ValueError("needs either url or uploaded")
