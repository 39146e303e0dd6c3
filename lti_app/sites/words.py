"""What the history of sites and applications says: actions, fields, values, and what ids stand for."""

from __future__ import annotations

from lti_app.core.history import Words

HISTORY = Words(actions={}, fields={}, values={}, references={})
