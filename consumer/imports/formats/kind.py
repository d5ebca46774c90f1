"""What a file is, by its first bytes, whatever its name."""

import re

HEAD_BYTES = 1 << 16
"""How much of a file is looked at."""

_PACKINGS = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_AS_CSV = "save it as CSV"
_REFUSED = (
    (rb"%PDF-", "a PDF document", "export its table as CSV"),
    (rb"\{\\rtf", "an RTF document", _AS_CSV),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "an image", "give the table that it shows, as CSV"),
    (rb"SQLite format 3", "a SQLite database", "export its table as CSV"),
    (rb"Rar!|7z\xbc\xaf", "an archive", "unpack it and give the files in it"),
    (rb"\s*BEGIN:VCALENDAR", "a calendar (iCalendar)", "export its events as CSV"),
    (rb"\s*<(?:!doctype\s+html|html|head|body)\b", "a web page", "download the file itself"),
    (rb"\s*<\?xml", "an XML document", _AS_CSV),
    (rb"\s*<[a-z!]", "a web page or an XML document", _AS_CSV),
)


def packing(head: bytes) -> str | None:
    """How it is packed: gzip, bz2, zstd or xz; None: not at all."""
    return next((name for magic, name in _PACKINGS if head.startswith(magic)), None)


def is_parquet(head: bytes) -> bool:
    """Whether it is Parquet."""
    return head.startswith(b"PAR1")


def is_archive(head: bytes) -> bool:
    """Whether it is a zip archive, as new workbooks are."""
    return head.startswith(_ZIP)


def is_old_office(head: bytes) -> bool:
    """Whether it is a file of old office programs, such as `.xls`."""
    return head.startswith(_OLD_OFFICE)


def refused(head: bytes) -> tuple[str, str] | None:
    """The name of a kind that is not read, and the remedy; None: another kind."""
    for pattern, name, remedy in _REFUSED:
        if re.match(pattern, head.removeprefix(b"\xef\xbb\xbf"), re.IGNORECASE):
            return name, remedy
    return None


def inside(head: bytes) -> str | None:
    """The name of a kind that must be unpacked before it can be read; None: it is text."""
    if is_parquet(head):
        return "a Parquet file"
    if is_archive(head) or is_old_office(head):
        return "a workbook or an archive"
    return "a packed file" if packing(head) else None
