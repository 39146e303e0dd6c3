"""What the history of organisations and people says: actions, fields, values, and what ids stand for."""

from __future__ import annotations

from lti_app.core.history import Words

HISTORY = Words(actions={}, fields={}, values={}, references={})
