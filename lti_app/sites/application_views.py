"""Applications for a site, from the draft to the order (3.2)."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("applications", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
