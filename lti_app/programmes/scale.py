"""The scale on which a programme's planned results are rated, the lowest step first (6.1)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.programmes.models import ProgrammeVersion

USUAL_SCALE: tuple[Text, ...] = (
    _l("no command of it"),
    _l("knows it, doesn't use it"),
    _l("uses it with help"),
    _l("uses it unaided"),
)
FEWEST_STEPS, MOST_STEPS = 2, 10
LONGEST_STEP = 100


def scale_lines(text: str) -> list[str]:
    """Return the steps that were typed, a line each; blank lines are left out."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def scale_of(version: ProgrammeVersion) -> tuple[Text, ...]:
    """Return the steps of a version's scale: its own, or the usual one. A rating is the place on it, from 0."""
    return tuple(scale_lines(version.rating_scale or "")) or USUAL_SCALE
