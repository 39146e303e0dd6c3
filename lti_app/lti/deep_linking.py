"""Deep linking: a teacher adds the tool to a course; the answer is one link with a place in the gradebook.

LTI deep linking 2.0. The library makes and signs the answer. Moodle fills its activity form from one item, and makes a
gradebook column only where ``lineItem`` is there. What can be linked to besides the tool as such is said by features
above, through a provider among the tool's services; what Moodle proved of the launch goes from page to page sealed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from flask import Response, make_response, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeSerializer
from pylti1p3.deep_link import DeepLink
from pylti1p3.deep_link_resource import DeepLinkResource
from pylti1p3.lineitem import LineItem
from sqlalchemy.orm import Session

from lti_app.core.clock import system_clock
from lti_app.core.edge import now, tool
from lti_app.core.errors import Text
from lti_app.lti.http import is_below
from lti_app.lti.keys import ensure_key, signing_key
from lti_app.lti.launch import Launch
from lti_app.lti.parts import parts
from lti_app.lti.platform import ToolRegistration
from lti_app.lti.refusals import MISCONFIGURED, TOO_LATE, UNKNOWN_MOODLE, LaunchRefused, Words
from lti_app.lti.registrations import Known

SCORE_MAXIMUM = 100
CHOICES = "deep_link_choices"
"""Name under which the provider of what can be linked to stands among the tool's services."""
SALT = "deep-link"
LIFE = timedelta(hours=1)
LONGEST_QUERY = 100
GENERAL = "tool"

NOT_A_TEACHER = Words(
    _l("Only a teacher of the course can add the tool to it."),
    _l("Ask a teacher of the course or the Moodle administrator."),
)


@dataclass(frozen=True)
class Chooser:
    """Say who chooses for which course of which Moodle, as the launch proved, and where the answer goes."""

    registration_id: int
    moodle_id: int
    user_id: int
    course_id: int | None
    course_title: str
    return_url: str
    data: str | None
    since: int


@dataclass(frozen=True)
class Choice:
    """Describe one page that can be linked to. ``key`` names it in forms and in the gradebook's line item."""

    key: str
    title: str
    detail: Text = ""
    custom: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""


@dataclass(frozen=True)
class ChoiceGroup:
    """Hold what belongs together: an intake's own page first, then its meetings."""

    title: str
    choices: Sequence[Choice]


class Choices(Protocol):
    """Says what somebody may link to; asked anew at every step."""

    def offered(self, session: Session, chooser: Chooser, query: str) -> list[ChoiceGroup]:
        """Return what ``chooser`` may link to and ``query`` matches; nothing for who may link to the tool alone."""

    def named(self, session: Session, chooser: Chooser, key: str) -> Choice | None:
        """Return what ``key`` names if ``chooser`` may link to it."""


def begin_choice(session: Session, launch: Launch, known: Known, settings: dict[str, Any]) -> Response:
    """Offer what can be linked to; who has nothing to choose from gets the answer at once. Raises LaunchRefused."""
    if not (launch.is_instructor or launch.is_moodle_admin):
        raise LaunchRefused("lti_deep_linking_not_permitted", NOT_A_TEACHER, status=403)
    return_url = settings.get("deep_link_return_url")
    accepted = settings.get("accept_types")
    if not isinstance(return_url, str) or not is_below(return_url, known.moodle_url):
        raise LaunchRefused("lti_deep_linking_return_url_wrong", MISCONFIGURED)
    if not isinstance(accepted, list) or "ltiResourceLink" not in accepted:
        raise LaunchRefused("lti_deep_linking_type_refused", MISCONFIGURED)
    data = settings.get("data")
    chooser = Chooser(
        registration_id=known.id,
        moodle_id=launch.moodle_id,
        user_id=launch.user_id,
        course_id=launch.course_id,
        course_title=launch.course_title,
        return_url=return_url,
        data=data if isinstance(data, str) else None,
        since=int(now().timestamp()),
    )
    groups = _provider().offered(session, chooser, "")
    return _choice_page(chooser, known, groups, "") if groups else _answer_page(session, chooser, known, _general())


def go_on_choosing(session: Session, form: Mapping[str, str]) -> Response:
    """Search, or answer with what was chosen. Raises LaunchRefused for a launch that is false, old or ended since."""
    chooser = _unseal(form.get("launch", ""))
    known = parts().registrations.get(chooser.registration_id)
    if known is None:
        raise LaunchRefused("lti_registration_gone", UNKNOWN_MOODLE)
    key = form.get("chosen", "")
    choice = _general() if key == GENERAL else _provider().named(session, chooser, key) if key else None
    if choice is not None:
        return _answer_page(session, chooser, known, choice)
    query = form.get("q", "").strip()[:LONGEST_QUERY]
    return _choice_page(chooser, known, _provider().offered(session, chooser, query), query)


def _provider() -> Choices:
    provider: Choices = tool().services[CHOICES]
    return provider


def _general() -> Choice:
    return Choice(GENERAL, _("Internship site"))


def _seal(chooser: Chooser) -> str:
    return str(URLSafeSerializer(tool().settings.secret_key, salt=SALT).dumps(asdict(chooser)))


def _unseal(text: str) -> Chooser:
    try:
        chooser = Chooser(**URLSafeSerializer(tool().settings.secret_key, salt=SALT).loads(text))
    except (BadSignature, TypeError):
        raise LaunchRefused("lti_deep_linking_broken_off", TOO_LATE) from None
    if now().timestamp() - chooser.since > LIFE.total_seconds():
        raise LaunchRefused("lti_deep_linking_broken_off", TOO_LATE)
    return chooser


def _choice_page(chooser: Chooser, known: Known, groups: Sequence[ChoiceGroup], query: str) -> Response:
    page = render_template(
        "lti/choose_link.html",
        groups=groups,
        query=query,
        longest_query=LONGEST_QUERY,
        course=chooser.course_title,
        launch=_seal(chooser),
        general=GENERAL,
    )
    return _framed(page, known, "'self'")


def _answer_page(session: Session, chooser: Chooser, known: Known, choice: Choice) -> Response:
    """Show what will be added, with one button that sends the signed answer to Moodle."""
    ensure_key(session, tool().vault, system_clock())
    own = ToolRegistration(*signing_key(session, tool().vault, system_clock()))
    own.set_issuer(known.issuer).set_client_id(known.client_id)
    line_item = LineItem().set_label(choice.title).set_score_maximum(SCORE_MAXIMUM)
    if choice.kind:
        line_item.set_tag(choice.kind).set_resource_id(choice.key)
    item = (
        DeepLinkResource()
        .set_title(choice.title)
        .set_url(f"{tool().settings.public_url}/lti/launch")
        .set_custom_params(dict(choice.custom))
        .set_lineitem(line_item)
    )
    settings: Any = {"deep_link_return_url": chooser.return_url, "data": chooser.data}
    page = render_template(
        "lti/deep_link.html",
        title=choice.title,
        kind=choice.kind,
        course=chooser.course_title,
        return_url=chooser.return_url,
        answer=DeepLink(own, known.deployment_id, settings).get_response_jwt([item]),
    )
    return _framed(page, known, known.moodle_origin)


def _framed(page: str, known: Known, form_action: str) -> Response:
    response = make_response(page)
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; object-src 'none'; base-uri 'none'; "
        f"form-action {form_action}; frame-ancestors {known.moodle_origin}"
    )
    response.headers["Cache-Control"] = "no-store"
    return response
