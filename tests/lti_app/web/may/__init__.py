"""Who may open what, a module for each room: the walk of all routes × all roles joins them.

A module has ``MAY``: {(method, endpoint): roles that get an answer below 400}; and may have ``values(scene)``, which
puts into the database what its addresses name and returns {argument of a route: id}, and ``DATA``, fields that its
forms send. ``OF_ONE``: what of ``MAY`` is the scene's own trainee's, and no other trainee's of the intake.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType


def walks() -> list[ModuleType]:
    """Return the modules of all rooms."""
    return [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
