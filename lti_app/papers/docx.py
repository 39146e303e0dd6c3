"""A paper as DOCX: a template, the centre's own or the built-in one, filled with the paper's values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from docxtpl import DocxTemplate
from flask_babel import lazy_gettext as _l
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from lti_app.core.errors import DomainError
from lti_app.papers.drafting import TEMPLATES
from lti_app.papers.fields import (
    ApplicationPaper,
    EndPaper,
    IndividualPlanPaper,
    JournalPaper,
    OrderPaper,
    Paper,
    ProgrammePaper,
    ProtocolPaper,
    SchedulePaper,
    SignInPaper,
    SiteListPaper,
)
from lti_app.papers.filling import title, values

NAMES: dict[type[Any], str] = {
    ApplicationPaper: "application",
    OrderPaper: "order",
    SiteListPaper: "site_list",
    ProgrammePaper: "programme",
    ProtocolPaper: "protocol",
    SchedulePaper: "schedule",
    EndPaper: "end",
    IndividualPlanPaper: "individual_plan",
    SignInPaper: "sign_in",
    JournalPaper: "journal",
}
"""Names of the template files, without .docx."""

NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SPACES = re.compile(r"[ \t\r\n]+")
TIED = re.compile(r"(?<=№) (?=\w)|(?<=\b[А-ЯЁ]\.) (?=[А-ЯЁ])")
"""Spaces where a line doesn't break: «№ 3», «Е.С. Иванова»."""
BRACES = str.maketrans({"{": "&#123;", "}": "&#125;"})


def render_docx(paper: Paper, overrules: Mapping[str, str] | None = None, folder: Path | None = None) -> bytes:
    """Fill the template of this paper's kind: the one in ``folder`` if it is there, else the built-in one.

    Raises DomainError where the centre's own template can't be filled; it names the file and what is wrong in it.
    """
    name = f"{NAMES[type(paper)]}.docx"
    own = folder / name if folder is not None else None
    is_own = own is not None and own.is_file()
    source = own if own is not None and is_own else TEMPLATES / name
    filling = {key: _literal(value) for key, value in values(paper, overrules).items()}
    try:
        return _filled(source, filling, NO_XML.sub("", title(paper)))
    except Exception as error:
        if not is_own:
            raise
        raise DomainError(
            "paper_template_wrong",
            _l("The centre's own template %(name)s can't be filled: %(reason)s", name=name, reason=_reason(error)),
            remedy=_l("Mend the template, or take it out of the folder: then the built-in one is used."),
        ) from error


def _filled(source: Path, filling: Mapping[str, Any], name: str) -> bytes:
    template = DocxTemplate(BytesIO(source.read_bytes()))
    # Own templates are files that people bring: no Python beyond texts and lists.
    environment = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    template.render(filling, environment)
    template.docx.core_properties.title = name[:255]
    file = BytesIO()
    template.save(file)
    return file.getvalue()


def _literal(value: Any) -> Any:
    """Make texts stand as they are typed.

    The library reads braces («{_{») and line ends in what has been filled in as its own marks, so braces go in as
    XML's numbers for them; paragraphs have been split before.
    """
    if isinstance(value, str):
        plain = TIED.sub("\N{NO-BREAK SPACE}", SPACES.sub(" ", NO_XML.sub("", value)).strip())
        return Markup(str(escape(plain)).translate(BRACES))  # noqa: S704 - escaped just here
    if isinstance(value, Mapping):
        return {name: _literal(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_literal(part) for part in value]
    return value


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", None) or error).split())[:200]
