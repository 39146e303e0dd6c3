"""Every table, imported once, for migrations and for code that needs the whole metadata."""

from lti_app.core import attachments as _attachments
from lti_app.core import audit as _audit
from lti_app.core import outbox as _outbox
from lti_app.core.db import Base
from lti_app.credits import models as _credits
from lti_app.credits import seminar_models as _seminars
from lti_app.intakes import message_models as _intake_messages
from lti_app.intakes import models as _intakes
from lti_app.lti import models as _lti
from lti_app.meetings import calendar_models as _calendar
from lti_app.meetings import feedback_models as _feedback
from lti_app.meetings import models as _meetings
from lti_app.meetings import onsite_models as _onsite
from lti_app.meetings import room_models as _rooms
from lti_app.notices import models as _notices
from lti_app.people import models as _people
from lti_app.plans import models as _plans
from lti_app.products import models as _products
from lti_app.programmes import models as _programmes
from lti_app.sites import models as _sites
from lti_app.sync import models as _sync

metadata = Base.metadata

__all__ = [
    "_attachments",
    "_audit",
    "_calendar",
    "_credits",
    "_feedback",
    "_intake_messages",
    "_intakes",
    "_lti",
    "_meetings",
    "_notices",
    "_onsite",
    "_outbox",
    "_people",
    "_plans",
    "_products",
    "_programmes",
    "_rooms",
    "_seminars",
    "_sites",
    "_sync",
    "metadata",
]
