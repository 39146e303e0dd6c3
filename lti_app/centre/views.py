"""What the centre and the council look through: deadlines, lists, the calendar."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("centre", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
