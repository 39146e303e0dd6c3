"""History of objects in words: what every feature says of its audit entries, joined for the pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from babel.dates import format_date
from flask_babel import get_locale, gettext

from lti_app.core import edge
from lti_app.core.attachment_words import HISTORY as FILES
from lti_app.core.history import Words
from lti_app.ending.words import HISTORY as ENDING
from lti_app.intakes.words import HISTORY as INTAKES
from lti_app.meetings.guest_words import HISTORY as GUESTS
from lti_app.meetings.words import HISTORY as MEETINGS
from lti_app.people.words import HISTORY as PEOPLE
from lti_app.plans.words import HISTORY as PLANS
from lti_app.products.words import HISTORY as PRODUCTS
from lti_app.programmes.words import HISTORY as PROGRAMMES
from lti_app.sites.words import HISTORY as SITES
from lti_app.web import formatting

FEATURES = (FILES, PEOPLE, SITES, PROGRAMMES, INTAKES, MEETINGS, GUESTS, PLANS, PRODUCTS, ENDING)


def action_words(action: str) -> str:
    """Say what an action of the audit did; one that no feature has a word for is shown as it is stored."""
    for feature in FEATURES:
        if action in feature.actions:
            return str(feature.actions[action])
    return action


def field_words(field: str) -> str:
    """Name a field of an audit entry."""
    for feature in FEATURES:
        if field in feature.fields:
            return str(feature.fields[field])
    return field


def value_words(field: str, value: Any) -> str:
    """Show a stored value of a field: words of its own, yes or no, dates in the reader's language."""
    for feature in FEATURES:
        words = feature.values.get(field, {})
        if isinstance(value, str) and value in words:
            return str(words[value])
    match value:
        case None | "":
            return "—"
        case bool():
            return str(gettext("yes") if value else gettext("no"))
        case str():
            return _as_date(value)
    return str(value)


def _as_date(value: str) -> str:
    try:
        return str(format_date(date.fromisoformat(value), "d MMMM y", locale=str(get_locale() or "en")))
    except ValueError:
        return _as_moment(value)


def _as_moment(value: str) -> str:
    """Show an aware moment in ISO 8601 as pages show moments, anything else as it stands."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    if moment.tzinfo is None:
        return value
    return formatting.moment(moment, zone=edge.tool().settings.zone, now=edge.now())


def joined() -> Words:
    """Return what all features say, for an object whose history spans several."""
    return Words(
        actions={name: words for feature in FEATURES for name, words in feature.actions.items()},
        fields={name: words for feature in FEATURES for name, words in feature.fields.items()},
        values={name: words for feature in FEATURES for name, words in feature.values.items()},
        references={name: words for feature in FEATURES for name, words in feature.references.items()},
    )
