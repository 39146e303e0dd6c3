"""What kind of page a notice leads to: all that its link tells to whoever holds it."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text

KINDS: dict[str, Text] = {
    "site_application": _l("the page of an application"),
    "site": _l("the page of a site"),
    "site_order": _l("the page of a site"),
    "site_end": _l("the page of a site"),
    "programme": _l("the page of a programme"),
    "programme_version": _l("the page of a programme"),
    "remark": _l("the page of a programme"),
    "sitting": _l("the agenda of the council"),
    "agenda_item": _l("the agenda of the council"),
    "intake": _l("the page of an intake"),
    "trainee": _l("the page of an intake"),
    "place_request": _l("the page of an intake"),
    "meeting": _l("the page of a meeting"),
    "meeting_guest": _l("the page of a meeting"),
    "individual_plan": _l("the page of an individual plan"),
    "consultation": _l("the page of consultations"),
    "product": _l("the page of a product"),
    "intake_message": _l("the page of an intake"),
}
"""By the table of the row that a notice is about."""

OTHERWISE: Text = _l("a page of the tool")


def kind_of_page(about_type: str) -> Text:
    """Name the kind of page in the reader's language."""
    return KINDS.get(about_type, OTHERWISE)
