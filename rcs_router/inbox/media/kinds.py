"""Detect the media type of a file: from its first bytes and, if they are unknown, from its declared type."""

import mimetypes
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

HEAD = 1024  # bytes that are needed to detect the type

_MP4 = (
    *("video/mp4", "audio/mp4", "audio/x-m4a", "audio/m4a", "video/x-m4v"),
    *("video/3gpp", "audio/3gpp", "video/3gpp2", "audio/3gpp2"),
)
# A signature, and the types of such a file: the first one, unless the declared type is another of the list.
_SIGNATURES: tuple[tuple[re.Pattern[bytes], tuple[str, ...]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), ("image/jpeg", "image/jpg")),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), ("image/png", "image/apng")),
    (re.compile(rb"GIF8[79]a"), ("image/gif",)),
    (re.compile(rb"(?s)RIFF....WEBP"), ("image/webp",)),
    (re.compile(rb"(?s)RIFF....WAVE"), ("audio/wav", "audio/x-wav", "audio/vnd.wave")),
    (re.compile(rb"(?s)RIFF....AVI "), ("video/x-msvideo", "video/avi")),
    (re.compile(rb"BM(?s:....)\0\0\0\0"), ("image/bmp", "image/x-ms-bmp")),
    (re.compile(rb"II\*\0|MM\0\*"), ("image/tiff",)),
    (re.compile(rb"(?s)....ftyp(hei[cxms]|hev[cx]|mif1|msf1)"), ("image/heic", "image/heif")),
    (re.compile(rb"(?s)....ftypavi[fs]"), ("image/avif",)),
    (re.compile(rb"(?s)....ftypM4[AB]"), ("audio/mp4", "audio/x-m4a", "audio/m4a")),
    (re.compile(rb"(?s)....ftyp3g"), ("video/3gpp", "audio/3gpp", "video/3gpp2", "audio/3gpp2", "video/mp4")),
    (re.compile(rb"(?s)....ftypqt"), ("video/quicktime", "video/mp4")),
    (re.compile(rb"(?s)....ftyp"), (*_MP4, "video/quicktime")),
    # QuickTime without ftyp, from cameras and old programs: another atom comes first. Its size is below 16 MiB
    # (mdat: 512 MiB), so that a text with one of these words in the same place is not taken for a film.
    (re.compile(rb"(?s)\0...(wide|moov|free|skip|pnot)|[\0-\x1f]...mdat"), ("video/quicktime", *_MP4)),
    (re.compile(rb"\x1aE\xdf\xa3"), ("video/webm", "audio/webm", "video/x-matroska")),
    (re.compile(rb"OggS\0"), ("audio/ogg", "video/ogg", "audio/opus", "application/ogg")),
    (re.compile(rb"ID3"), ("audio/mpeg", "audio/mp3")),
    (re.compile(rb"#!AMR"), ("audio/amr", "audio/amr-wb", "audio/3gpp")),
    (re.compile(rb"fLaC"), ("audio/flac", "audio/x-flac")),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), ("audio/aac", "audio/x-aac", "audio/aacp")),
    (re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"), ("audio/mpeg", "audio/mp3")),
    (re.compile(rb"caff\0"), ("audio/x-caf",)),
    (re.compile(rb"(?:\xef\xbb\xbf|\xfe\xff|\xff\xfe)?[\s\0]*%PDF-"), ("application/pdf",)),
    (re.compile(rb"(?i)(?:\xef\xbb\xbf)?\s*BEGIN:VCARD(?:\s|$)"), ("text/vcard",)),
    (
        re.compile(rb"PK\x03\x04"),
        (
            "application/zip",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.oasis.opendocument.text",
            "application/epub+zip",
        ),
    ),
    (re.compile(rb"MZ|\x7fELF|#!\s*/|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe"), ("application/x-executable",)),
)
# Names of vCard before RFC 6350: not believed without the bytes of a vCard.
_SEEN = {name for _, names in _SIGNATURES for name in names} | {"text/x-vcard", "text/directory"}
# A browser runs what is in these, with the rights of the site that serves them.
_MARKUP = re.compile(rb"<[A-Za-z!?]")
_BLANK = b"\xef\xbb\xbf\xff\xfe \t\r\n\f\0"  # what may come before it: byte order marks, white space
_RUN = re.compile(
    r"text/html|text/(x-)?(java|ecma)script|application/(x-)?(java|ecma)script|(text|application)/xml"
    r"|.*\+xml|text/xsl|application/x-shockwave-flash|multipart/.*|text/css"
)
_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/avif": ".avif",
    "audio/amr": ".amr",
    "audio/amr-wb": ".awb",
    "audio/aac": ".aac",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/3gpp": ".3gp",
    "video/3gpp": ".3gp",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "text/vcard": ".vcf",
    "audio/x-caf": ".caf",
    "application/x-executable": ".bin",
}


def detect(head: bytes, declared: Iterable[str] = ()) -> str:
    """Return the type of a file that begins with `head` (HEAD bytes suffice); "" if its bytes contradict its names.

    `declared`: its declared types, the most trusted first. A declared type is accepted only if the bytes are unknown,
    and if files of that type have no known bytes.
    """
    names = [name for name in declared if name and name != "application/octet-stream"]
    if _MARKUP.match(head.lstrip(_BLANK).replace(b"\0", b"")):
        return next((name for name in names if is_run(name)), "text/html")
    for signature, kinds in _SIGNATURES:
        if signature.match(head):
            return next((name for name in names if name in kinds), kinds[0])
    name = names[0] if names else "application/octet-stream"
    return "" if name in _SEEN else name


def is_run(media_type: str) -> bool:
    """Return True for types that a browser would run: HTML, SVG, XML, scripts."""
    return bool(_RUN.fullmatch(media_type))


def is_allowed(media_type: str, patterns: Iterable[str]) -> bool:
    """Return True if the type matches `patterns` (image/png, image/*). What a browser runs must be named exactly."""
    wanted = [pattern.lower() for pattern in patterns]
    if is_run(media_type):
        return media_type in wanted
    return any(fnmatchcase(media_type, pattern) for pattern in wanted)


def extension(media_type: str) -> str:
    """Return the extension, with its dot, from which a web server tells the type; `.bin` if there is none."""
    return _EXTENSIONS.get(media_type) or _KNOWN.guess_extension(media_type) or ".bin"


_KNOWN = mimetypes.MimeTypes()  # Python's own table, the same on every machine
