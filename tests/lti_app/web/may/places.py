"""Who may run intakes, fill their places, ask for a place, and confirm one."""

from __future__ import annotations

from lti_app.intakes.models import PlaceRequest, RequestState
from tests.lti_app.web.conftest import Scene
from tests.lti_app.world import NOW

FILLERS = frozenset({"leader", "centre"})
KNOWN = frozenset({"trainee", "trainee elsewhere", "leader", "leader elsewhere"})
VISITORS = KNOWN | {"stranger", "administrator", "centre", "council"}

MAY = {
    ("GET", "intake_pages.new"): frozenset(),  # the address names no programme
    ("POST", "intake_pages.new"): frozenset(),  # nothing is filled in
    ("GET", "intake_pages.edit"): frozenset({"leader"}),
    ("POST", "intake_pages.edit"): frozenset(),  # nothing is filled in
    ("POST", "intake_pages.publish_it"): frozenset({"leader"}),
    ("GET", "intake_pages.overview"): frozenset({"leader", "centre", "council"}),
    ("GET", "intake_pages.places"): FILLERS,
    ("GET", "intake_pages.export"): FILLERS,
    ("POST", "intake_pages.match"): FILLERS,
    ("POST", "intake_pages.add"): frozenset(),  # nobody is chosen
    ("POST", "intake_pages.left"): frozenset(),  # nobody is chosen
    ("GET", "places.index"): KNOWN,
    ("POST", "places.ask_for"): frozenset(),  # it has begun
    ("POST", "places.take_back"): frozenset({"trainee elsewhere"}),  # whose request it is
    ("GET", "places.confirming"): VISITORS,  # an empty list to all but the head of somebody who asks
    ("POST", "places.agree"): frozenset(),  # the intake has begun
    ("POST", "places.refuse"): frozenset({"centre"}),  # nobody heads the organisation of the one who asks
}


def values(scene: Scene) -> dict[str, int]:
    """Put down a request of the other site's trainee that waits for the word of a head."""
    with scene.app.extensions["ploshchadka"].database.transaction() as session:
        asked = PlaceRequest(
            intake_id=scene.intake_id,
            person_id=scene.other_trainee.id,
            state=RequestState.WITH_HEAD,
            asked_at=NOW,
            asked_by=f"person:{scene.other_trainee.id}",
        )
        session.add(asked)
        session.flush()
        return {"request_id": asked.id}
