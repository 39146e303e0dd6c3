"""Organisations and people, as the centre keeps them."""

from __future__ import annotations

from flask import Blueprint

from lti_app.core.navigation import NavItem

blueprint = Blueprint("people_pages", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
