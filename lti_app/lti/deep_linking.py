"""Deep linking: a teacher adds the tool to a course; the answer is one link with a place in the gradebook.

LTI deep linking 2.0. The library makes and signs the answer. Moodle fills its activity form from one item, and makes a
gradebook column only where ``lineItem`` is there.
"""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pylti1p3.deep_link import DeepLink
from pylti1p3.deep_link_resource import DeepLinkResource
from pylti1p3.lineitem import LineItem
from sqlalchemy.orm import Session

from lti_app.core.clock import system_clock
from lti_app.core.edge import tool
from lti_app.lti.http import is_below
from lti_app.lti.keys import ensure_key, signing_key
from lti_app.lti.launch import Launch
from lti_app.lti.platform import ToolRegistration
from lti_app.lti.refusals import MISCONFIGURED, LaunchRefused, Words
from lti_app.lti.registrations import Known

SCORE_MAXIMUM = 100

NOT_A_TEACHER = Words(
    _l("Only a teacher of the course can add the tool to it."),
    _l("Ask a teacher of the course or the Moodle administrator."),
)


def answer_page(session: Session, launch: Launch, known: Known, settings: dict[str, Any]) -> Response:
    """Show what will be added, with one button that sends the signed answer to Moodle. Raises LaunchRefused."""
    if not (launch.is_instructor or launch.is_moodle_admin):
        raise LaunchRefused("lti_deep_linking_not_permitted", NOT_A_TEACHER, status=403)
    return_url = settings.get("deep_link_return_url")
    accepted = settings.get("accept_types")
    if not is_below(return_url, known.moodle_url):
        raise LaunchRefused("lti_deep_linking_return_url_wrong", MISCONFIGURED)
    if not isinstance(accepted, list) or "ltiResourceLink" not in accepted:
        raise LaunchRefused("lti_deep_linking_type_refused", MISCONFIGURED)
    ensure_key(session, tool().vault, system_clock())
    own = ToolRegistration(*signing_key(session, tool().vault, system_clock()))
    own.set_issuer(known.issuer).set_client_id(known.client_id)
    title = _("Internship site")
    line_item = LineItem().set_label(title).set_score_maximum(SCORE_MAXIMUM)
    item = (
        DeepLinkResource().set_title(title).set_url(f"{tool().settings.public_url}/lti/launch").set_lineitem(line_item)
    )
    answer = DeepLink(own, known.deployment_id, settings).get_response_jwt([item])  # type: ignore[arg-type]
    page = render_template(
        "lti/deep_link.html", title=title, course=launch.course_title, return_url=return_url, answer=answer
    )
    response = make_response(page)
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; object-src 'none'; base-uri 'none'; "
        f"form-action {known.moodle_origin}; frame-ancestors {known.moodle_origin}"
    )
    response.headers["Cache-Control"] = "no-store"
    return response
