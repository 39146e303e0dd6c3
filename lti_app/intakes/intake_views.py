"""Intakes as the leader makes, publishes and fills them (4.2)."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("intake_pages", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
