"""The page on which a paper is looked over before it is printed: what the tool can't know, and declined wordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from flask import Response, make_response, render_template, request
from flask_babel import lazy_gettext as _l

from lti_app.core.errors import DomainError, Text
from lti_app.papers.fields import Paper
from lti_app.papers.filling import forms, title
from lti_app.papers.serving import Kind, send_paper
from lti_app.papers.wording import lines


@dataclass(frozen=True)
class Ask:
    """Ask for something that stands in a paper and on no list: ``value`` is what would stand there."""

    name: str
    label: Text
    value: str = ""
    kind: Literal["text", "long", "date"] = "text"


Typed = Mapping[str, str]


def typed_day(typed: Typed, name: str) -> date:
    """Return a day that was typed. Raises DomainError where it is none."""
    try:
        return date.fromisoformat(typed[name])
    except ValueError:
        raise DomainError(
            "day_not_read", _l("This isn't a day."), remedy=_l("Write it as 31.12.2026."), field=name
        ) from None


def typed_lines(typed: Typed, name: str) -> tuple[str, ...]:
    """Return the lines of a long text that aren't empty."""
    return tuple(lines(typed[name]))


def paper_answer(make: Callable[[Typed], Paper], asks: Sequence[Ask], *, back: str, **kept: str) -> Response:
    """Answer a request for a paper: its page, or with ``as=docx`` or ``as=pdf`` in the address the file itself.

    A wording counts as overruled where it differs from the one that the page had shown. ``back`` is the address of
    what the paper is about; ``kept`` stays in the page's own address. Raises DomainError where the centre's own
    template doesn't serve.
    """
    typed = {ask.name: request.args.get(ask.name, ask.value).strip() for ask in asks}
    paper = make(typed)
    overrules = {
        form.key: request.args[form.key]
        for form in forms(paper)
        if request.args.get(form.key, "").strip() and request.args[form.key] != request.args.get(f"was_{form.key}")
    }
    kind = request.args.get("as", type=Kind)
    if kind is not None:
        return send_paper(paper, kind, overrules)
    return make_response(
        render_template(
            "paper.html",
            title=title(paper),
            asks=asks,
            typed=typed,
            forms=forms(paper),
            overrules=overrules,
            back=back,
            kept=kept,
            kinds=list(Kind),
        )
    )
