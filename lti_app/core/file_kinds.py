"""Which kinds of files may be attached, and which of them a file is: told by its content, never by its name."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

import filetype

LARGEST_LIST = 1024 * 1024
"""Bytes that are read of the one member of an archive which says what it is."""
MOST_MEMBERS = 5000
UNPACKED_FREELY = 32 * 1024 * 1024
"""Bytes up to which it doesn't matter how tightly an archive is packed …"""
MOST_PACKED = 100
"""… and how many times larger than itself it may be beyond them."""

OOXML = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument."
CONTENT_TYPES = "[Content_Types].xml"
MACROS = ("vbaproject.bin", "vbadata.xml")
MACRO_FOLDERS = ("basic/", "scripts/")
"""Where documents of LibreOffice keep theirs."""


@dataclass(frozen=True)
class FileKind:
    """Name a kind of file: the ending that people know it by, and its media type (RFC 2046)."""

    ending: str
    media_type: str


KINDS: dict[str, FileKind] = {
    kind.ending: kind
    for kind in (
        FileKind("pdf", "application/pdf"),
        FileKind("docx", f"{OOXML}wordprocessingml.document"),
        FileKind("xlsx", f"{OOXML}spreadsheetml.sheet"),
        FileKind("odt", f"{ODF}text"),
        FileKind("ods", f"{ODF}spreadsheet"),
        FileKind("jpg", "image/jpeg"),
        FileKind("png", "image/png"),
    )
}
"""Every kind that the program can tell for certain; the setting ``ATTACHMENT_TYPES`` chooses among them."""
_BY_MEDIA_TYPE = {kind.media_type: kind for kind in KINDS.values()}


class HasMacros(Exception):
    """Say that a document carries a program of its own."""


def kind_of(content: bytes) -> FileKind | None:
    """Return what ``content`` is, or None where it is nothing that may be attached. Raises HasMacros.

    An archive is looked into by its list and one short member; nothing is unpacked. What is two things at once (a
    picture or a PDF with an archive behind it, a program before one) is none of them.
    """
    if content.startswith(b"PK\x03\x04"):
        return _kind_of_archive(content)
    found = filetype.guess(content)
    kind = _BY_MEDIA_TYPE.get(found.mime) if found is not None else None
    if kind is None or zipfile.is_zipfile(io.BytesIO(content)):
        return None
    return kind


def _kind_of_archive(content: bytes) -> FileKind | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _kind_of_document(archive) if _is_plain(archive, len(content)) else None
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError, zlib.error):
        return None


def _is_plain(archive: zipfile.ZipFile, size: int) -> bool:
    """Tell whether an archive is one that an office program writes: begins at once, no secrets, no doubles, no bomb."""
    members = archive.infolist()
    names = {member.filename.lower() for member in members}
    unpacked = sum(member.file_size for member in members)
    return (
        0 < len(members) <= MOST_MEMBERS
        and len(names) == len(members)
        and min(member.header_offset for member in members) == 0
        and not any(member.flag_bits & 0x1 for member in members)
        and unpacked <= max(UNPACKED_FREELY, MOST_PACKED * size)
    )


def _kind_of_document(archive: zipfile.ZipFile) -> FileKind | None:
    names = [name.lower() for name in archive.namelist()]
    if any(name.rpartition("/")[2] in MACROS or name.startswith(MACRO_FOLDERS) for name in names):
        raise HasMacros
    if CONTENT_TYPES in archive.namelist():
        return _kind_by_parts(_read(archive, CONTENT_TYPES))
    if "mimetype" in names:
        kind = _BY_MEDIA_TYPE.get(_read(archive, "mimetype").decode("ascii", "replace"))
        return kind if kind is not None and kind.media_type.startswith(ODF) else None
    return None


def _kind_by_parts(parts: bytes) -> FileKind | None:
    """Tell by the list of parts (ECMA-376, part 2) whose main part it has: exactly one kind's."""
    text = parts.decode("utf-8-sig", "replace")
    if "macroenabled" in text.lower() or "vbaproject" in text.lower():
        raise HasMacros
    mains = [
        kind
        for kind in KINDS.values()
        if kind.media_type.startswith(OOXML) and f'"{kind.media_type}.main+xml"' in text.replace("'", '"')
    ]
    return mains[0] if len(mains) == 1 else None


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        content = member.read(LARGEST_LIST + 1)
    if len(content) > LARGEST_LIST:
        raise zipfile.BadZipFile
    return content
