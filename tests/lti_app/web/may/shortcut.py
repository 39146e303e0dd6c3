"""The shortcut on a phone's screen: open to anybody, since it names and shows nobody."""

from __future__ import annotations

from typing import Any

from lti_app.notices.start import sealed_start
from tests.lti_app.web.may.edges import EVERYBODY

MAY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", f"shortcut.{name}"): EVERYBODY for name in ("page", "manifest", "start")
}


def values(scene: Any) -> dict[str, str]:
    """Seal a shortcut to a link in the scene's Moodle."""
    return {"way": sealed_start(scene.app.extensions["ploshchadka"].settings, scene.here.moodle.id, 5)}
