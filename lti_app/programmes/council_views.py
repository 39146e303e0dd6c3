"""The council's sittings, remarks and decisions (4.2, 8.1)."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("council", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
