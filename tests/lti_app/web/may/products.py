"""Who may hand in products, answer them, and read the catalogue."""

from __future__ import annotations

from sqlalchemy import select

from lti_app.intakes.models import Trainee
from tests.lti_app.products.made import Work, demand, publication_id
from tests.lti_app.web.conftest import Scene

LEADER = frozenset({"leader"})
LEADERS = frozenset({"leader", "leader elsewhere", "trainee who leads elsewhere"})
KNOWN = frozenset({"trainee", "trainee elsewhere", "leader", "leader elsewhere"})
READERS = KNOWN | {"centre", "council"}

MAY = {
    ("GET", "products.of_intake"): frozenset({"leader", "trainee"}),
    ("POST", "products.of_intake"): frozenset(),  # no kind is chosen
    ("GET", "products.waiting"): LEADERS,
    ("GET", "products.product"): LEADER,  # another trainee's: its author is nobody of the scene
    ("POST", "products.product"): frozenset(),  # as above
    ("POST", "products.take_back"): frozenset(),
    ("POST", "products.consent"): frozenset(),
    ("POST", "products.review"): frozenset(),  # neither button was pressed
    ("POST", "products.undo"): LEADER,
    ("GET", "products.assignments"): LEADER,
    ("POST", "products.assignments"): LEADER,
    ("GET", "products.from_moodle"): frozenset(),  # no assignment is tied
    ("POST", "products.from_moodle"): frozenset(),
    ("GET", "catalogue.index"): READERS,
    ("GET", "catalogue.entry"): READERS,
    ("POST", "catalogue.take_out"): frozenset({"leader", "centre"}),
}


def values(scene: Scene) -> dict[str, int]:
    """Put two accepted products of another trainee into the catalogue."""
    with scene.app.extensions["ploshchadka"].database.transaction() as session:
        scene.here.session = session
        session.add_all([scene.here.intake, scene.here.version])
        asked = demand(scene.here)
        author = session.scalars(
            select(Trainee)
            .where(Trainee.intake_id == scene.intake_id, Trainee.person_id != scene.trainee.id)
            .order_by(Trainee.id)
        ).first()
        assert author is not None
        first = Work(session, scene.here, author, asked.id).saved().agreed().handed_in().accepted()
        second = Work(session, scene.here, author).saved().agreed().handed_in().accepted()
        return {
            "product_id": first.product_id,
            "demand_id": asked.id,
            "publication_id": publication_id(session, second.product_id),
        }
