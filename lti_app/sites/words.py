"""What the history of sites and applications says (actions, fields, values, ids), and what people are told of."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from lti_app.core.history import Reference, Words
from lti_app.notices.occasions import Occasion
from lti_app.people.models import Organisation, Person
from lti_app.sites.models import ApplicationState, OrderKind, Site
from lti_app.sites.states import SiteState

APPLICATION_STATES = {
    ApplicationState.DRAFT: (_l("draft"), "pencil", "secondary"),
    ApplicationState.SUBMITTED: (_l("waits for the centre"), "hourglass-split", "warning"),
    ApplicationState.RETURNED: (_l("returned with remarks"), "arrow-return-left", "danger"),
    ApplicationState.ACCEPTED: (_l("accepted, waits for the order"), "check-circle", "info"),
    ApplicationState.ORDERED: (_l("status granted by order"), "check-circle-fill", "success"),
    ApplicationState.WITHDRAWN: (_l("withdrawn"), "slash-circle", "secondary"),
}
SITE_STATES = {
    SiteState.TO_COME: (_l("not in force yet"), "clock", "info"),
    SiteState.ACTIVE: (_l("active"), "check-circle", "success"),
    SiteState.EXPIRING: (_l("the term runs out"), "hourglass-split", "warning"),
    SiteState.EXPIRED: (_l("the term has run out"), "x-circle", "danger"),
    SiteState.ENDED: (_l("ended"), "slash-circle", "secondary"),
}
ORDER_KINDS = {OrderKind.GRANT: _l("grants the status"), OrderKind.RENEWAL: _l("renews the status")}
APPLICATION_FIELDS = {
    "direction": _l("Direction"),
    "topic": _l("Topic"),
    "experience": _l("Experience in innovation, with results (3.1)"),
    "equipment": _l("Equipment (4.2)"),
    "achievements": _l("The leader's achievements in the direction (4.1)"),
    "term_years": _l("Proposed term, years (3.3)"),
}
HISTORY = Words(
    actions={
        "begin_application": _l("application begun"),
        "change_application": _l("application changed"),
        "submit_application": _l("application put in"),
        "withdraw_application": _l("application withdrawn"),
        "return_application": _l("application returned with remarks"),
        "accept_application": _l("application accepted"),
        "order_application": _l("order given"),
        "create_site": _l("site brought in"),
        "change_site": _l("site changed"),
        "add_order": _l("order added"),
        "change_order": _l("order changed"),
        "renew_status": _l("status renewed"),
        "name_leader": _l("leader named"),
        "correct_leader": _l("leader corrected"),
        "end_leadership": _l("leadership ended"),
        "change_equipment": _l("equipment changed"),
    },
    fields={
        **APPLICATION_FIELDS,
        "state": _l("state"),
        "remarks": _l("remarks"),
        "host_id": _l("organisation of the site"),
        "applicant_id": _l("applicant"),
        "leader_id": _l("leader"),
        "person_id": _l("leader"),
        "organisation_id": _l("organisation"),
        "site_id": _l("site"),
        "renews_id": _l("site whose status is renewed"),
        "valid_until": _l("last day of the term"),
        "until": _l("last day"),
        "order": _l("order"),
    },
    values={"state": {state.value: words[0] for state, words in APPLICATION_STATES.items()}},
    references={
        "host_id": Reference(Organisation, "label"),
        "applicant_id": Reference(Organisation, "label"),
        "organisation_id": Reference(Organisation, "label"),
        "leader_id": Reference(Person, "full_name"),
        "person_id": Reference(Person, "full_name"),
        "site_id": Reference(Site, "code"),
        "renews_id": Reference(Site, "code"),
    },
)
NOTICES: dict[str, Occasion] = {
    "application_submitted": Occasion(
        _l("Application for a site: %(organisation)s"),
        _l("%(organisation)s applies for an internship site in the direction “%(direction)s”."),
    ),
    "application_returned": Occasion(
        _l("The application for a site was returned"),
        _l("The centre returned the application in the direction “%(direction)s” with remarks: %(remarks)s"),
    ),
    "application_accepted": Occasion(
        _l("The application for a site was accepted"),
        _l("The centre accepted the application in the direction “%(direction)s”. An order will follow."),
    ),
    "site_ordered": Occasion(
        _l("The status of an internship site was granted"),
        _l("The order № %(number)s grants the status of a site in the direction “%(direction)s” until %(day)s."),
    ),
    "named_leader": Occasion(
        _l("You are named leader of an internship site"),
        _l("The order № %(number)s names you leader of the site “%(direction)s” (%(organisation)s) until %(day)s."),
    ),
    "status_expires": Occasion(
        _l("The term of an internship site runs out on %(day)s"),
        _l("The status of the site “%(direction)s” (%(organisation)s) ends on %(day)s: days left: %(left)s."),
    ),
}
