"""Places: asked for by a trainee, confirmed by a head, waited for in order."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("places", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
