"""What the history of organisations and people says: actions, fields, values, and what ids stand for."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from lti_app.core.history import Reference, Words
from lti_app.people.models import Category, Organisation, Person

CATEGORY_NAMES = {Category.HIGHEST: _l("highest"), Category.FIRST: _l("first")}
FIELD_NAMES = {
    "code": _l("Code"),
    "name": _l("Full name of the organisation"),
    "short_name": _l("Short name"),
    "type": _l("Type"),
    "address": _l("Address"),
    "licensed": _l("Holds a licence for additional professional education"),
    "is_authority": _l("Is an education authority (3.2)"),
    "last_name": _l("Last name"),
    "first_name": _l("First name"),
    "middle_name": _l("Middle name"),
    "email": _l("E-mail"),
    "moodle_idnumber": _l("Number in Moodle"),
    "organisation_id": _l("Place of work"),
    "position": _l("Position"),
    "category": _l("Qualification category (4.1)"),
    "category_since": _l("Category given on"),
    "category_until": _l("Category holds until"),
    "since": _l("first day"),
    "until": _l("last day"),
}
HISTORY = Words(
    actions={
        "create_organisation": _l("organisation put down"),
        "change_organisation": _l("organisation changed"),
        "create_person": _l("person put on the list"),
        "change_person": _l("person changed"),
        "name_head": _l("head named"),
        "end_headship": _l("headship ended"),
        "tie_account": _l("tied to a user of Moodle"),
        "untie_account": _l("untied from a user of Moodle"),
    },
    fields=FIELD_NAMES,
    values={"category": {category.value: words for category, words in CATEGORY_NAMES.items()}},
    references={"organisation_id": Reference(Organisation, "label"), "head_id": Reference(Person, "full_name")},
)
