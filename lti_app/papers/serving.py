"""A paper sent to a browser, to be saved."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from flask import Response

from lti_app.core.edge import tool
from lti_app.papers.docx import render_docx
from lti_app.papers.fields import Paper
from lti_app.papers.filling import title
from lti_app.papers.pdf import render_pdf


class Kind(enum.StrEnum):
    """Kinds of file that a paper can be had as."""

    DOCX = "docx"
    PDF = "pdf"


MEDIA_TYPES = {
    Kind.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Kind.PDF: "application/pdf",
}
NO_FILE_NAME = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
"""What some system forbids in a file's name."""
LONGEST_NAME = 120


def send_paper(paper: Paper, kind: Kind | str, overrules: Mapping[str, str] | None = None) -> Response:
    """Return the paper as a file. ``overrules`` are typed wordings by the keys of ``filling.forms``.

    Raises ValueError for another kind of file, DomainError where the centre's own template doesn't serve.
    """
    kind = Kind(kind)
    folder = tool().settings.paper_templates
    render = render_docx if kind is Kind.DOCX else render_pdf
    response = Response(render(paper, overrules, Path(folder) if folder else None), mimetype=MEDIA_TYPES[kind])
    # RFC 6266 and 8187: one name, in any letters.
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file_name(paper, kind), safe='')}"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def file_name(paper: Paper, kind: Kind) -> str:
    """Return what the file is called; no system takes offence at it."""
    plain = " ".join(NO_FILE_NAME.sub("-", title(paper)).split())
    return f"{plain[:LONGEST_NAME].strip(' .-')}.{kind.value}"
