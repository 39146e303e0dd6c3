"""The link of a notice: on to Moodle, and back to the right page."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("notices", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
