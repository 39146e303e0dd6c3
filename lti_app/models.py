"""Every table, imported once, for migrations and for code that needs the whole metadata."""

from lti_app.core import attachments as _attachments
from lti_app.core import audit as _audit
from lti_app.core import outbox as _outbox
from lti_app.core.db import Base
from lti_app.credits import models as _credits
from lti_app.intakes import message_models as _intake_messages
from lti_app.intakes import models as _intakes
from lti_app.lti import models as _lti
from lti_app.meetings import models as _meetings
from lti_app.notices import models as _notices
from lti_app.people import models as _people
from lti_app.programmes import models as _programmes
from lti_app.sites import models as _sites
from lti_app.sync import models as _sync

metadata = Base.metadata

__all__ = [
    "_attachments",
    "_audit",
    "_credits",
    "_intake_messages",
    "_intakes",
    "_lti",
    "_meetings",
    "_notices",
    "_outbox",
    "_people",
    "_programmes",
    "_sites",
    "_sync",
    "metadata",
]
