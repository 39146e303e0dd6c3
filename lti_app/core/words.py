"""Numbers and stored texts in the language of the reader, or of the municipality where nobody reads yet."""

from __future__ import annotations

import re
from decimal import Decimal

from babel.numbers import format_decimal
from flask_babel import force_locale, get_locale
from flask_babel.speaklater import LazyString

from lti_app.core.errors import Text

MUNICIPAL_LOCALE = "ru"
"""Language of what is stored or sent away: rules in the ledger, comments in Moodle's gradebook."""


def _hours(value: Decimal) -> str:
    text = str(format_decimal(value, format="#,##0.##", locale=get_locale() or "en"))
    return text.replace("-", "\N{MINUS SIGN}")


def hours_words(value: Decimal) -> Text:
    """Return hours as people write them in the reader's language: 18, −16, or 1,5 in Russian. Evaluated when shown."""
    words: Text = LazyString(_hours, value)
    return words


def in_municipal_language(text: Text) -> str:
    """Fix ``text`` in the municipality's language, whoever's request or job this is."""
    with force_locale(MUNICIPAL_LOCALE):
        return str(text)


def plain(text: object) -> str:
    """Fold case, ё and punctuation away, so that headings and words are told apart by their letters only."""
    folded = str(text).casefold().replace("ё", "е").replace("_", " ")
    return " ".join(re.sub(r"[^\w№+\- ]", " ", folded).split())
