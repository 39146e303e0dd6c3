"""The web services: one module an area, all found in `registry.FUNCTIONS`."""

from __future__ import annotations

from . import calendar, completion, courses, enrolments, grades, groups, messages, site, users
from .registry import FUNCTIONS, call

AREAS = (calendar, completion, courses, enrolments, grades, groups, messages, site, users)

__all__ = ["AREAS", "FUNCTIONS", "call"]
