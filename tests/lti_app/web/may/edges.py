"""Files and notices: who may open what."""

from __future__ import annotations

from typing import Any

from lti_app.notices.links import address_of
from lti_app.notices.models import Notice
from tests.lti_app.world import NOW

ROLES = "nobody, stranger, trainee, trainee elsewhere, leader, leader elsewhere, administrator, centre, council"
EVERYBODY = frozenset(ROLES.split(", "))

MAY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "attachments.download"): frozenset(),  # whose file it is decides: tests/lti_app/web/test_attachments.py
    ("GET", "notices.follow"): EVERYBODY,  # whoever holds the link: tests/lti_app/notices/
    ("POST", "notices.go"): EVERYBODY,
}


def values(scene: Any) -> dict[str, Any]:
    """Name a file that isn't there, and the link of a notice to the trainee."""
    parts = scene.app.extensions["ploshchadka"]
    with parts.database.transaction() as session:
        notice = Notice(
            occasion="test",
            about_type="intake",
            about_id=scene.intake_id,
            person_id=scene.trainee.id,
            path=f"/intakes/{scene.intake_id}",
            facts={},
            told_at=NOW,
        )
        session.add(notice)
        session.flush()
        address = address_of(parts.settings, notice.id)
    return {"attachment_id": 999999, "token": address.rpartition("/")[2]}
