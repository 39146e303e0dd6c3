"""A shortcut to the tool on the screen of a phone: how to make one, what browsers need for it, where it leads."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, make_response, render_template, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import db_session, tool
from lti_app.core.errors import NotFound
from lti_app.core.forms import see_other
from lti_app.core.navigation import NavItem
from lti_app.core.permissions import Permission, needs
from lti_app.notices.start import page_behind
from lti_app.web.theme import palette, text_of

ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable-512.png", "512x512", "maskable"),
)

blueprint = Blueprint("shortcut", __name__)

NAVIGATION: tuple[NavItem, ...] = ()


@blueprint.get("/shortcut/<way>")
@needs(Permission.PUBLIC)
def page(way: str) -> str:
    """Say how to put a shortcut onto the screen; opened in a tab of its own, since a frame can't be put there."""
    _moodle_page(way)
    return render_template("shortcut.html", way=way, accent=_accent())


@blueprint.get("/shortcut/<way>/manifest.webmanifest")
@needs(Permission.PUBLIC)
def manifest(way: str) -> Response:
    """Give the manifest of the shortcut (W3C Web Application Manifest)."""
    _moodle_page(way)
    start = url_for("shortcut.start", way=way)
    answer = jsonify(
        {
            "id": start,
            "name": gettext("Internship sites, %(centre)s", centre=tool().settings.centre_name),
            "short_name": gettext("Internship"),
            "start_url": start,
            "scope": "/",
            "display": "minimal-ui",
            "theme_color": _accent(),
            "background_color": "#ffffff",
            "icons": [
                {
                    "src": url_for("static", filename=f"shortcut/{name}"),
                    "sizes": sizes,
                    "type": "image/png",
                    "purpose": purpose,
                }
                for name, sizes, purpose in ICONS
            ],
        }
    )
    answer.mimetype = "application/manifest+json"
    return answer


@blueprint.get("/start/<way>")
@needs(Permission.PUBLIC)
def start(way: str) -> Response:
    """Lead on to the link in Moodle: there the person signs in as always, and comes back with a launch."""
    return make_response(see_other(_moodle_page(way)))


def _moodle_page(way: str) -> str:
    address = page_behind(db_session(), way, tool().settings)
    if address is None:
        raise NotFound(
            "no_such_shortcut",
            _l("This shortcut is not whole, or its Moodle is no longer connected."),
            remedy=_l(
                "Open the course in Moodle, follow the link to the internship site, and make a new shortcut there."
            ),
        )
    return address


def _accent() -> str:
    return text_of(palette(tool().settings.accent_colour).button)
