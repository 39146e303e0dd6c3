"""The reader's language, and catalogues that are never older than their source."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, has_request_context
from flask import session as cookie
from flask_babel import Babel, get_locale, get_translations

from lti_app.core.errors import stop_start

TRANSLATIONS = Path(__file__).resolve().parent / "translations"
LANGUAGES = {"ru": "Русский", "en": "English"}
"""Languages of the pages, each under its own name."""
DEFAULT = "ru"
CHOSEN = "locale_chosen"
LAUNCHED = "locale_launched"
PLURAL_SAMPLES = {"one": 1, "few": 2, "many": 5, "other": 5}
"""A number for each of the browser's plural categories (Intl.PluralRules)."""


def compile_catalogues(folder: Path = TRANSLATIONS) -> None:
    """Compile each catalogue that is missing or older than its source. Raises OSError where it can't be written."""
    for source in folder.glob("*/LC_MESSAGES/*.po"):
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as stream:
            catalogue = read_po(stream, locale=source.parts[-3])
        # Another worker may be reading it: the file is put in place whole.
        handle, unfinished = tempfile.mkstemp(dir=source.parent, suffix=".mo~")
        with os.fdopen(handle, "wb") as stream:
            write_mo(stream, catalogue)
        Path(unfinished).replace(compiled)


def supported(locale: str | None) -> str | None:
    """Return the language of pages that ``locale`` (such as ``ru-RU``) asks for, or None."""
    language = (locale or "").replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else None


def language() -> str:
    """Return the reader's language: as chosen on a page, else as Moodle said at the launch, else Russian."""
    if has_request_context():
        for key in (CHOSEN, LAUNCHED):
            found = supported(cookie.get(key))
            if found:
                return found
    return DEFAULT


def plural_forms(singular: str, plural: str, **values: Any) -> dict[str, str]:
    """Return a counted phrase in every plural category of the reader's language, ``{n}`` standing for the number.

    The browser picks one while a person ticks boxes. Marked for translation like ngettext.
    """
    translations = get_translations()
    return {
        category: translations.ungettext(singular, plural, sample).replace("%(num)s", "{n}") % values
        for category, sample in PLURAL_SAMPLES.items()
    }


def install(app: Flask) -> None:
    """Give the application its languages. Ends the start with one line where catalogues can't be compiled."""
    try:
        compile_catalogues()
    except OSError as error:
        stop_start(
            f"translations: {error.filename} cannot be written ({error.strerror}); "
            f"run `pybabel compile -d {TRANSLATIONS}` as its owner"
        )
    Babel(
        app,
        default_locale=DEFAULT,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=language,
    )
    app.jinja_env.globals.update(get_locale=get_locale, languages=LANGUAGES, plural_forms=plural_forms)
