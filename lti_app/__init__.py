"""Площадка: an LTI 1.3 tool for internship sites of teachers. ``create_app`` is where the parts are joined."""

from __future__ import annotations

from flask import Flask

from config.settings import Settings
from lti_app.core.clock import Clock, system_clock


def create_app(settings: Settings | None = None, clock: Clock = system_clock) -> Flask:
    """Build the application. Ends the process with one line where a setting is wrong."""
    from lti_app.web.factory import build_app

    return build_app(settings, clock)
