"""Joins what rooms are made from out of the tool's parts; asked at the edge."""

from __future__ import annotations

from lti_app.core.edge import Tool
from lti_app.meetings.rooms.provider import RoomsOffice
from lti_app.meetings.stays import StayRules


def office_of(parts: Tool) -> RoomsOffice:
    """Return the office of an installation."""
    settings = parts.settings
    return RoomsOffice(parts.vault, settings.secret_key, settings.public_url, StayRules.of(settings))
