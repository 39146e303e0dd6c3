"""Programmes and their versions, as the leader writes them (4.2)."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("programmes", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
