"""Who may end a site: the centre alone."""

from __future__ import annotations

from tests.lti_app.web.conftest import Scene

MAY = {
    ("GET", "ending.end"): frozenset({"centre"}),
    ("POST", "ending.end"): frozenset(),  # no grounds are given
}


def values(scene: Scene) -> dict[str, int]:
    """Name the site that stands in its addresses."""
    return {"site_id": scene.here.site.id}
