"""What the history of any object says of its files."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from lti_app.core.attachments import AUDITED
from lti_app.core.history import Words

HISTORY = Words(
    actions={"add_attachment": _l("file added"), "remove_attachment": _l("file removed")},
    fields={AUDITED: _l("file")},
    values={},
    references={},
)
