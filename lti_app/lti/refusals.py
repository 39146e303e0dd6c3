"""Refusals of the LTI edge: a code for the log, words for the person in front of the page."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Response, g, make_response, render_template, request
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from werkzeug.exceptions import HTTPException

from lti_app.core.edge import reference, tool
from lti_app.core.errors import DomainError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Way:
    """Offer a way on: an address and what it is called."""

    href: str
    label: str | LazyString


class LaunchRefused(DomainError):
    """Refuse a login, a launch or a registration. ``way`` is a link that helps, if there is one."""

    status = 400

    def __init__(self, code: str, why: Words, *, status: int | None = None, way: Way | None = None) -> None:
        super().__init__(code, why.message, remedy=why.remedy)
        self.way = way
        if status is not None:
            self.status = status


@dataclass(frozen=True)
class Words:
    """Say what happened and what to do about it."""

    message: LazyString
    remedy: LazyString


AGAIN = Words(
    _l("The way from Moodle to this page was interrupted."),
    _l("Go back to the course in Moodle and follow the link once more."),
)
TOO_LATE = Words(
    _l("Too much time has passed since this page was asked for."),
    _l("Go back to the course in Moodle and follow the link once more."),
)
CLOCKS = Words(
    _l("Moodle's answer is not valid at this moment."),
    _l(
        "Follow the link in Moodle once more. If it happens again, tell the Moodle administrator: "
        "the clocks of the two servers may differ."
    ),
)
USED = Words(
    _l("This visit has already been used: a page that was reloaded cannot begin it twice."),
    _l("Go back to the course in Moodle and follow the link once more."),
)
NOT_PROVEN = Words(
    _l("It could not be proven that this visit comes from your Moodle."),
    _l("Follow the link in Moodle once more. If it happens again, tell the Moodle administrator the number below."),
)
UNKNOWN_MOODLE = Words(
    _l("This Moodle is not connected to the tool, or its connection has changed."),
    _l("Tell the Moodle administrator: the tool has to be registered again."),
)
MISCONFIGURED = Words(
    _l("Moodle and the tool do not agree on how they are connected."),
    _l("Tell the Moodle administrator the number below: the tool's settings in Moodle need a check."),
)
MOODLE_DECLINED = Words(
    _l("Moodle did not confirm who you are."),
    _l("Sign in to Moodle and follow the link once more."),
)
MOODLE_SILENT = Words(
    _l("Moodle's signature could not be checked, because Moodle does not answer."),
    _l("Try again in a minute. If it happens again, tell the Moodle administrator the number below."),
)
OTHER_BROWSER = Words(
    _l("This visit was begun in another browser."),
    _l("Go back to the course in Moodle and follow the link in this browser."),
)
NO_COOKIE_IN_FRAME = Words(
    _l("Your browser does not let this page keep a cookie inside Moodle's page."),
    _l("Open it in a window of its own: it will work there."),
)
NO_COOKIE = Words(
    _l("Your browser keeps no cookies for this page, so you cannot be recognised."),
    _l("Allow cookies for this address in the browser's settings, then follow the link in Moodle once more."),
)
FROM_MOODLE_ONLY = Words(
    _l("This page opens only from Moodle."),
    _l("Go to the course in Moodle and follow the link there."),
)
TOO_LARGE = Words(
    _l("Moodle's message is too large or is not a form."),
    _l("Follow the link in Moodle once more. If it happens again, tell the Moodle administrator the number below."),
)


def answer(error: DomainError) -> Response:
    """Log a refusal in one line without personal data and show it as a page.

    ``services["refusal_page"]`` of the tool, a function of the error, takes the place of the plain page.
    """
    issuer, client = _whose()
    log.warning("lti refused code=%s issuer=%r client=%r reference=%s", error.code, issuer, client, reference())
    page = tool().services.get("refusal_page", plain_page)
    response: Response = page(error)
    return response


def answer_http(error: HTTPException) -> Response:
    """Show what Flask itself refused (a huge or broken form) in the same way."""
    return answer(LaunchRefused(f"lti_http_{error.code}", TOO_LARGE, status=error.code))


def plain_page(error: DomainError) -> Response:
    """Render a refusal without the tool's layout, so that it shows even where nothing else does."""
    page = render_template(
        "lti/refused.html",
        message=error.message,
        remedy=error.remedy,
        way=getattr(error, "way", None),
        reference=reference(),
    )
    return make_response(page, error.status)


def _whose() -> tuple[str, str]:
    """Name the registration at hand, or what the request claims it is, shortened."""
    known = g.get("lti_registration")
    if known is not None:
        return known.issuer, known.client_id
    try:
        return request.values.get("iss", "")[:200], request.values.get("client_id", "")[:100]
    except HTTPException:
        return "", ""
