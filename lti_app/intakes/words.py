"""What the history of intakes and places says (actions, fields, values, ids), and what people are told of."""

from __future__ import annotations

from lti_app.core.history import Words
from lti_app.notices.occasions import Occasion

HISTORY = Words(actions={}, fields={}, values={}, references={})

NOTICES: dict[str, Occasion] = {}
