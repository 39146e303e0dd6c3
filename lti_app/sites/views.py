"""Sites, their orders, leaders and equipment; the list of sites (3.3, 3.4, 4.1, 4.2)."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("sites", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
