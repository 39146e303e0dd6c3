"""What the history of products says (actions, fields, values), what states are called, and what people are told of."""

from __future__ import annotations

from decimal import Decimal

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.core.history import Words
from lti_app.core.words import hours_words
from lti_app.notices.occasions import Occasion
from lti_app.products.models import MARK_NAMES, Mark, ProductState
from lti_app.programmes.models import LESSON_KIND_NAMES, PRODUCT_KIND_NAMES

PRODUCT_STATES = {
    ProductState.DRAFT: (_l("being prepared"), "pencil", "secondary"),
    ProductState.SUBMITTED: (_l("waits for the leader's answer"), "hourglass-split", "warning"),
    ProductState.RETURNED: (_l("product returned with remarks"), "arrow-return-left", "danger"),
    ProductState.ACCEPTED: (_l("product accepted"), "check-circle", "success"),
    ProductState.WITHDRAWN: (_l("taken back by the author"), "slash-circle", "secondary"),
}
"""The word, the icon and the tone of each state."""
NOT_BEGUN = (_l("not begun"), "dash-circle", "secondary")
MARKS = {
    Mark.MET: (MARK_NAMES[Mark.MET], "check-circle", "success"),
    Mark.PARTLY: (MARK_NAMES[Mark.PARTLY], "exclamation-circle", "warning"),
    Mark.NOT_MET: (MARK_NAMES[Mark.NOT_MET], "x-circle", "danger"),
}
FIELD_NAMES: dict[str, Text] = {
    "title": _l("Title"),
    "kind": _l("Kind of the product"),
    "subject": _l("Subject or field"),
    "note": _l("Description"),
    "links": _l("Links, a line each"),
}


def grade_words(grade: float) -> Text:
    """Return a grade of Moodle as people write it: 87,5 in Russian. Evaluated when shown."""
    return hours_words(Decimal(f"{grade:.2f}"))


HISTORY = Words(
    actions={
        "begin_product": _l("product begun"),
        "change_product": _l("product changed"),
        "change_product_text": _l("text of the product changed"),
        "submit_product": _l("handed in"),
        "take_back_product": _l("taken back by the author"),
        "return_product": _l("product returned with remarks"),
        "accept_product": _l("product accepted"),
        "undo_acceptance": _l("acceptance taken back"),
        "accept_from_moodle": _l("accepted on the grade in Moodle"),
        "agree_to_publish": _l("the author agrees to the catalogue"),
        "refuse_to_publish": _l("the author no longer agrees to the catalogue"),
        "publish_product": _l("put into the catalogue"),
        "take_out_product": _l("taken out of the catalogue"),
        "tie_assignments": _l("assignments of Moodle tied to products"),
    },
    fields={
        "title": _l("title"),
        "kind": _l("kind of the product"),
        "lesson_kind": _l("kind of the lesson"),
        "subject": _l("subject or field"),
        "state": _l("state"),
        "note": _l("description"),
        "links": _l("links"),
        "remarks": _l("remarks"),
        "reason": _l("reason"),
        "assignments": _l("assignments"),
    },
    values={
        "state": {state.value: words[0] for state, words in PRODUCT_STATES.items()},
        "kind": {kind.value: words for kind, words in PRODUCT_KIND_NAMES.items()},
        "lesson_kind": {kind.value: words for kind, words in LESSON_KIND_NAMES.items()},
    },
    references={},
)
NOTICES: dict[str, Occasion] = {
    "product_submitted": Occasion(
        _l("A product waits for your answer: “%(title)s”"),
        _l("%(name)s has handed in “%(title)s”, version %(number)s. Accept it, or return it with remarks."),
    ),
    "product_returned": Occasion(
        _l("Your product was returned: “%(title)s”"),
        _l("The leader returned your product “%(title)s”: %(words)s"),
    ),
    "product_accepted": Occasion(
        _l("Your product is accepted: “%(title)s”"),
        _l("The leader accepted your product “%(title)s”. Say on its page whether it may stand in the catalogue."),
    ),
    "acceptance_undone": Occasion(
        _l("The acceptance was taken back: “%(title)s”"),
        _l("The leader took the acceptance of your product “%(title)s” back: %(words)s"),
    ),
    "product_taken_out": Occasion(
        _l("Your product was taken out of the catalogue: “%(title)s”"),
        _l("Your product “%(title)s” doesn't stand in the catalogue any more: %(words)s"),
    ),
}
