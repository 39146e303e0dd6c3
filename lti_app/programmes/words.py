"""What the history of programmes and the council says (actions, fields, values, ids), and what people are told of."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from lti_app.core.history import Reference, Words
from lti_app.notices.occasions import Occasion
from lti_app.programmes.models import (
    FORM_NAMES,
    Decision,
    Mode,
    ProgrammeVersion,
    Section,
    VersionState,
)

VERSION_STATES = {
    VersionState.DRAFT: (_l("draft"), "pencil", "secondary"),
    VersionState.SUBMITTED: (_l("waits for the council's decision"), "hourglass-split", "warning"),
    VersionState.RETURNED: (_l("returned with remarks"), "arrow-return-left", "danger"),
    VersionState.APPROVED: (_l("approved by the council"), "check-circle", "success"),
    VersionState.REJECTED: (_l("rejected by the council"), "x-circle", "danger"),
}
"""The word, the icon and the tone of each state."""
MODE_NAMES = {Mode.ON_SITE: _l("on site"), Mode.DISTANCE: _l("at a distance")}
FIELD_NAMES = {
    "title": _l("Title"),
    "direction": _l("Direction"),
    "goals": _l("Goals"),
    "relevance": _l("Relevance"),
    "tasks": _l("Tasks"),
    "audience": _l("Audience"),
    "annotation": _l("Annotation"),
    "control": _l("Forms of control and products"),
    "conditions": _l("Conditions: staff and equipment"),
    "sources": _l("Sources"),
    "rating_scale": _l("Scale by which planned results are rated"),
    "hours": _l("Hours"),
    "hours_needed": _l("Hours that earn credit"),
    "needs_completion": _l("Credit asks for the activities of the Moodle course"),
    "competences": _l("Planned results"),
    "topics": _l("Thematic plan"),
    "demands": _l("Products of the trainees"),
}
WORDING_NAMES = {"heard": _l("Heard"), "spoke": _l("Spoke"), "decided": _l("Decided")}
SECTION_NAMES = {
    Section.WHOLE: _l("the programme as a whole"),
    Section.GOALS: _l("goals and tasks"),
    Section.AUDIENCE: _l("audience"),
    Section.RESULTS: _l("planned results"),
    Section.PLAN: _l("thematic plan"),
    Section.TOPIC: _l("topic"),
    Section.CONTROL: _l("forms of control and products"),
    Section.CONDITIONS: _l("conditions"),
    Section.SOURCES: _l("sources"),
}
DECISION_NAMES = {
    Decision.APPROVED: (_l("approved by the council"), "check-circle", "success"),
    Decision.RETURNED: (_l("returned with remarks"), "arrow-return-left", "danger"),
    Decision.REJECTED: (_l("rejected by the council"), "x-circle", "danger"),
    Decision.END_RECOMMENDED: (_l("to end the site is recommended"), "exclamation-triangle", "warning"),
    Decision.END_NOT_RECOMMENDED: (_l("to end the site isn't recommended"), "check-circle", "success"),
}
HISTORY = Words(
    actions={
        "create_programme": _l("programme begun"),
        "create_version": _l("version begun"),
        "copy_programme": _l("copied from another programme"),
        "change_programme": _l("programme changed"),
        "change_version": _l("text changed"),
        "change_plan": _l("plan or planned results changed"),
        "submit_version": _l("put before the council"),
        "withdraw_version": _l("taken back from the council"),
        "change_protocol": _l("number or day of the protocol changed"),
        "approve_version": _l("approved by the council"),
        "return_version": _l("returned by the council"),
        "reject_version": _l("rejected by the council"),
        "add_remark": _l("remark made"),
        "change_remark": _l("remark changed"),
        "answer_remark": _l("remark answered"),
        "resolve_remark": _l("remark settled"),
        "reopen_remark": _l("remark opened again"),
        "create_sitting": _l("sitting called"),
        "change_sitting": _l("sitting changed"),
        "close_sitting": _l("protocol signed"),
        "add_agenda_item": _l("put on the agenda"),
        "remove_agenda_item": _l("taken off the agenda"),
        "decide_item": _l("decided"),
        "change_item": _l("text of the protocol changed"),
    },
    fields={
        **FIELD_NAMES,
        "state": _l("state"),
        "council_protocol": _l("protocol"),
        "council_date": _l("date of the protocol"),
        "council_note": _l("the council's word"),
        "text": _l("text"),
        "answer": _l("answer"),
        "held_on": _l("date"),
        "starts_at": _l("time"),
        "place": _l("place"),
        "protocol_number": _l("number of the protocol"),
        "chair": _l("chair"),
        "secretary": _l("secretary"),
        "present": _l("present"),
        "decision": _l("decision"),
        "decided": _l("wording of the decision"),
        "heard": _l("heard"),
        "spoke": _l("spoke"),
        "copied_from": _l("copied from"),
    },
    values={
        "state": {state.value: words[0] for state, words in VERSION_STATES.items()},
        "decision": {decision.value: words[0] for decision, words in DECISION_NAMES.items()},
        "form": {form.value: words for form, words in FORM_NAMES.items()},
    },
    references={
        "copied_from": Reference(ProgrammeVersion, "title"),
    },
)
NOTICES: dict[str, Occasion] = {
    "version_submitted": Occasion(
        _l("A programme waits for the council: “%(title)s”"),
        _l("%(leader)s has put the programme “%(title)s” (%(organisation)s) before the council."),
    ),
    "version_on_agenda": Occasion(
        _l("Your programme is on the council's agenda"),
        _l("The programme “%(title)s” is on the agenda of the council's sitting of %(day)s."),
    ),
    "version_approved": Occasion(
        _l("The council approved the programme “%(title)s”"),
        _l(
            "The council approved the programme “%(title)s”: protocol № %(protocol)s of %(day)s. Its intakes can be "
            "published."
        ),
    ),
    "version_returned": Occasion(
        _l("The council returned the programme “%(title)s”"),
        _l("The council returned the programme “%(title)s”: %(note)s"),
    ),
    "version_rejected": Occasion(
        _l("The council rejected the programme “%(title)s”"),
        _l("The council rejected the programme “%(title)s”: %(note)s"),
    ),
    "remarks_made": Occasion(
        _l("Remarks on the programme “%(title)s”"),
        _l("The council's members have remarks on the programme “%(title)s”. Answer them on its page."),
    ),
    "end_recommended": Occasion(
        _l("The council recommends to end a site"),
        _l(
            "The council recommends to end the site “%(direction)s” (%(organisation)s): protocol № %(protocol)s of "
            "%(day)s."
        ),
    ),
}
