"""The end of a site, decided in one step (8.1)."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("ending", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
