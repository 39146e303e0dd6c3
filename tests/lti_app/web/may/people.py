"""Who may keep organisations and people: the centre alone."""

from __future__ import annotations

from tests.lti_app.web.conftest import Scene

CENTRE = frozenset({"centre"})

MAY = {
    ("GET", "people_pages.people"): CENTRE,
    ("GET", "people_pages.new_person"): CENTRE,
    ("POST", "people_pages.new_person"): frozenset(),  # the last name is empty
    ("GET", "people_pages.person"): CENTRE,
    ("POST", "people_pages.person"): frozenset(),  # an outdated form
    ("GET", "people_pages.organisations"): CENTRE,
    ("GET", "people_pages.new_organisation"): CENTRE,
    ("POST", "people_pages.new_organisation"): frozenset(),  # the code is empty
    ("GET", "people_pages.organisation"): CENTRE,
    ("POST", "people_pages.organisation"): frozenset(),
    ("POST", "people_pages.head"): frozenset(),  # nobody is named
}


def values(scene: Scene) -> dict[str, int]:
    """Name those that stand in addresses."""
    return {"person_id": scene.trainee.id, "organisation_id": scene.here.organisation.id}
