"""Small files of each kind, whole or spoilt."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from openpyxl import Workbook

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
EXE = b"MZ" + b"\x90\x00" * 60 + b"PE\x00\x00" + b"\x00" * 200
JPEG = b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00" + b"\x00" * 50 + b"\xff\xd9"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/word/document.xml" ContentType="{}"/></Types>'
)


def archive(members: dict[str, str | bytes]) -> bytes:
    """Pack ``members`` in the order given."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return made.getvalue()


def docx(*, main: str = WORD, more: dict[str, str | bytes] | None = None) -> bytes:
    """Return a document of Word with further members."""
    return archive({"[Content_Types].xml": TYPES.format(main), "word/document.xml": "<document/>", **(more or {})})


def odf(kind: str, more: dict[str, str | bytes] | None = None) -> bytes:
    """Return a document of LibreOffice: ``text`` or ``spreadsheet``."""
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    return archive({"mimetype": mimetype, "content.xml": "<content/>", **(more or {})})


def xlsx() -> bytes:
    """Return a workbook as a library writes it."""
    made = io.BytesIO()
    Workbook().save(made)
    return made.getvalue()


def png() -> bytes:
    """Return a picture of one dot."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
