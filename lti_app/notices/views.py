"""The link of a notice: on to Moodle, and back to the right page."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template

from lti_app.core.edge import actor, db_session, now, signed_in, tool
from lti_app.core.errors import NotSignedIn
from lti_app.core.forms import see_other
from lti_app.core.navigation import NavItem
from lti_app.core.permissions import Permission, needs
from lti_app.lti.moodles import only_moodle_url
from lti_app.notices.kinds import kind_of_page
from lti_app.notices.links import notice_behind
from lti_app.notices.models import Notice
from lti_app.notices.ways import is_own_path, keep_way, moodle_page_of

blueprint = Blueprint("notices", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()


@blueprint.get("/open/<token>")
@needs(Permission.PUBLIC)
def follow(token: str) -> Response:
    """Say where a notice's link leads, and change nothing: programs that look through mail follow links, too."""
    notice = _notice(token)
    if _is_theirs(notice) and is_own_path(notice.path):
        return see_other(notice.path)
    return make_response(render_template("notices/follow.html", token=token, kind=kind_of_page(notice.about_type)))


@blueprint.post("/open/<token>")
@needs(Permission.PUBLIC)
def go(token: str) -> Response:
    """Note where that person's next launch leads, and send the browser to Moodle, where it begins."""
    notice = _notice(token)
    keep_way(db_session(), notice, now=now())
    page = moodle_page_of(db_session(), notice.person_id)
    if page is not None:
        return see_other(page)
    return make_response(render_template("notices/by_hand.html", moodle_url=only_moodle_url(db_session())))


def _notice(token: str) -> Notice:
    return notice_behind(db_session(), token, settings=tool().settings, now=now())


def _is_theirs(notice: Notice) -> bool:
    """Tell whether it is the notice's person who looks, in a visit that still stands."""
    if signed_in() is None:
        return False
    try:
        return actor().person_id == notice.person_id
    except NotSignedIn:
        return False
