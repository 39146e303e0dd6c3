"""Who may apply for a site, order, and look at sites."""

from __future__ import annotations

from lti_app.sites.models import ApplicationState, SiteApplication
from tests.lti_app.web.conftest import Scene
from tests.lti_app.world import NOW

CENTRE = frozenset({"centre"})
LISTS = frozenset({"centre", "council"})
KNOWN = frozenset({"trainee", "trainee elsewhere", "leader", "leader elsewhere"})
AUTHOR = frozenset({"trainee"})

MAY = {
    ("GET", "applications.mine"): KNOWN | CENTRE,
    ("GET", "applications.new"): KNOWN | CENTRE,
    ("POST", "applications.new"): frozenset(),  # no organisation is chosen
    ("GET", "applications.application"): AUTHOR,  # a draft: the centre sees it once it is put in
    ("GET", "applications.edit"): AUTHOR,
    ("POST", "applications.edit"): frozenset(),  # an outdated form
    ("POST", "applications.step"): frozenset(),  # no step is chosen
    ("POST", "applications.attach"): frozenset(),  # no file is sent
    ("POST", "applications.detach"): frozenset(),  # there is no such file
    ("GET", "sites.site"): frozenset({"leader"}) | LISTS,
    ("POST", "sites.equipment"): frozenset(),  # an outdated form
    ("GET", "sites.grant"): frozenset(),  # of a draft
    ("POST", "sites.grant"): frozenset(),  # nothing is filled in
    ("GET", "sites.renew"): CENTRE,
    ("POST", "sites.renew"): frozenset(),
    ("POST", "sites.scan"): frozenset(),
    ("GET", "sites.register"): LISTS,
    ("GET", "sites.register_xlsx"): LISTS,
}


def values(scene: Scene) -> dict[str, int]:
    """Put down an application of the trainee's."""
    with scene.app.extensions["ploshchadka"].database.transaction() as session:
        application = SiteApplication(
            state=ApplicationState.DRAFT,
            applicant_id=scene.here.organisation.id,
            host_id=scene.here.organisation.id,
            author_id=scene.trainee.id,
            term_years=3,
            created_at=NOW,
        )
        session.add(application)
        session.flush()
        return {"application_id": application.id, "order_id": scene.here.order.id, "site_id": scene.here.site.id}
