"""The night's kinds of change, states and reasons in words for administrators."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from lti_app.core.permissions import ROLE_NAMES, Role
from lti_app.sync.course_words import category_words, course_note_words
from lti_app.sync.models import PlanState, RunStatus, SyncRun
from lti_app.sync.names import TARGET, is_about_person
from moodle_sync.roster import Doubt

COURSE_NOTES = {
    "course_conflict": _l("Intake %(course)s: a course with its short name belongs to somebody else."),
    "course_gone": _l("Intake %(course)s: its course is not in Moodle any more."),
    "no_template": _l("Intake %(course)s: no course is made: this Moodle has no template course."),
    "events_not_read": _l("Intake %(course)s: the course's calendar could not be read and was left alone."),
    "groups_not_read": _l("Intake %(course)s: the course's groups could not be read and were left alone."),
    "events_not_kept": _l(
        "Meetings are not put into calendars: the service in Moodle lacks functions; `moodle functions` lists them."
    ),
}
"""What is told of a course as a whole."""

STOPPED = "stopped"
"""Code of the reason why a run of a stopped exchange changed nothing."""

N_ = str
"""Mark a text for translation where it is written; it is translated where it is shown."""

KIND_NAMES = {
    "create_user": _l("accounts made"),
    "create_category": _l("categories made"),
    "create_course": _l("courses made"),
    "update_course": _l("courses changed"),
    "enrol": _l("people enrolled"),
    "update_enrolment": _l("enrolments changed"),
    "reactivate": _l("enrolments reactivated"),
    "suspend": _l("enrolments suspended"),
    "create_group": _l("groups made"),
    "add_to_group": _l("people put into groups"),
    "remove_from_group": _l("people taken out of groups"),
    "create_event": _l("meetings put into calendars"),
    "delete_event": _l("events taken out of calendars"),
}
CHANGE_NAMES = {
    "create_user": _l("make an account"),
    "create_category": _l("make a category"),
    "create_course": _l("make a course"),
    "update_course": _l("change a course"),
    "enrol": _l("enrol"),
    "update_enrolment": _l("change an enrolment"),
    "reactivate": _l("reactivate"),
    "suspend": _l("suspend"),
    "create_group": _l("make a group"),
    "add_to_group": _l("put into the group"),
    "remove_from_group": _l("take out of the group"),
    "create_event": _l("put into the calendar"),
    "delete_event": _l("take out of the calendar"),
}
STATES = {
    RunStatus.RUNNING: (_l("under way"), "arrow-repeat", "primary"),
    RunStatus.DONE: (_l("done"), "check-circle-fill", "success"),
    RunStatus.FAILED_SOME: (_l("done, but some changes failed"), "exclamation-triangle", "danger"),
    RunStatus.HELD: (_l("waits for approval"), "pause-circle", "warning"),
    RunStatus.UNREADABLE: (_l("Moodle could not be read, nothing was changed"), "x-circle", "danger"),
    RunStatus.INTERRUPTED: (_l("broken off"), "dash-circle", "danger"),
}
"""Word, icon and colour of a run's state."""
DECISION_STATES = {
    PlanState.APPROVED: (_l("approved, not carried out yet"), "hourglass-split", "warning"),
    PlanState.APPLIED: (_l("approved and carried out"), "check-circle", "success"),
    PlanState.EXPIRED: (_l("outdated, not carried out"), "slash-circle", "secondary"),
}
"""The same of a held run, once its plan was decided about."""
PHASES = {
    "reading": _l("reading Moodle"),
    "planning": _l("comparing"),
    "writing": _l("changing Moodle"),
    "progress": _l("reading completion"),
    "credits": _l("putting forward credit"),
    "delivery": _l("sending grades"),
}
ROLES = {"trainee": ROLE_NAMES[Role.TRAINEE], "leader": ROLE_NAMES[Role.LEADER]}
REMEDIES = (
    N_("See Moodle's own log at the time of the run."),
    N_("Check that Moodle runs and that its address is right; the next night tries again."),
    N_("Check that Moodle is not in maintenance mode and that no proxy answers in its place."),
    N_("Make a new token for the service in Moodle and store it with `moodle add`."),
    N_("Give the service's user the capabilities that `moodle functions` lists, and let it assign the roles."),
    N_("Compare the person's or course's data with what Moodle allows (names, dates, ids)."),
    N_("Check that the user or course was not deleted in Moodle."),
    N_("One row of the batch is at fault; it is looked for by halves."),
    N_("Check that the course still exists in Moodle."),
    N_("Nothing to do: what the call did is read back from Moodle."),
    N_("Mend what is named and run again; nothing was changed."),
    N_(
        "A user with this e-mail or username may be there whom the service's user isn't shown; else check the address, "
        "and that the method of logging in is known to Moodle."
    ),
)
"""Remedies of the library about Moodle (moodle_sync.errors), which knows nothing of languages."""
FINDINGS = (
    N_("several users match"),
    N_("the user that matches is somebody else already"),
    N_("the user that matches is tied to another person already"),
    N_("no user with this idnumber or e-mail"),
    N_("the user with this e-mail has another idnumber"),
    N_("the user with this idnumber has another e-mail"),
    N_("several of our people match the same user"),
    N_("none of the users that match, as was decided"),
    N_("Moodle does not show the account any more"),
    N_("the account is suspended in Moodle"),
    N_("the name changed in Moodle and was taken over"),
    N_("Moodle has another name"),
    N_("the e-mail changed in Moodle and was taken over"),
    N_("Moodle has another e-mail"),
    N_("the lock was taken by another run, or broken"),
    N_("the process that did the run ended before it; the next run takes up its work"),
    N_("the run broke off; see the log"),
)
"""What that library and the night say of people and runs."""

SCORE_REASONS = (
    (
        r"nobody has opened the tool in course (?P<course>\d+) yet",
        _l("nobody has opened course No. %(course)s's link to the site yet"),
    ),
    (r"the trainee's account in Moodle is not known yet", _l("the trainee has not been found in Moodle yet")),
    (r"intake (?P<intake>.+) has no course in Moodle yet", _l("intake %(intake)s has no course in Moodle yet")),
    (r"the exchange with this Moodle is stopped", _l("the exchange with this Moodle is stopped")),
    (r"", _l("not sent yet")),
)
"""Why hours wait (credits.scores), as patterns; what Moodle itself answers is shown as it is."""


def kind_name(kind: str) -> str:
    """Name a kind of change in the plural, as a heading of a count."""
    return str(KIND_NAMES.get(kind, kind))


def change_name(kind: str) -> str:
    """Name one change by its verb."""
    return str(CHANGE_NAMES.get(kind, kind))


def phase_name(phase: str) -> str:
    """Say what a run is doing."""
    return str(PHASES.get(phase, phase))


def reason_words(reason: Any) -> str:
    """Say why a plan is held, in numbers. ``reason`` is as the guard wrote it."""
    if not isinstance(reason, dict):
        return str(reason)
    people, of, course = reason.get("people", 0), reason.get("of", 0), reason.get("course_key", "")
    match reason.get("code"), bool(course):
        case "suspends_many", True:
            words = ngettext(
                "Intake %(course)s: %(num)s of %(of)s people in the course would be suspended.",
                "Intake %(course)s: %(num)s of %(of)s people in the course would be suspended.",
                people,
                course=course,
                of=of,
            )
        case "suspends_many", False:
            words = ngettext(
                "In all courses together %(num)s of %(of)s people would be suspended.",
                "In all courses together %(num)s of %(of)s people would be suspended.",
                people,
                of=of,
            )
        case "misses_many", True:
            words = ngettext(
                "Intake %(course)s: Moodle does not show %(num)s of the %(of)s people whom the tool enrolled.",
                "Intake %(course)s: Moodle does not show %(num)s of the %(of)s people whom the tool enrolled.",
                people,
                course=course,
                of=of,
            )
        case "misses_many", False:
            words = ngettext(
                "In all courses together Moodle does not show %(num)s of the %(of)s people whom the tool enrolled.",
                "In all courses together Moodle does not show %(num)s of the %(of)s people whom the tool enrolled.",
                people,
                of=of,
            )
        case "creates_many", _:
            words = ngettext(
                "%(num)s account would be made, more than the %(of)s that a night may make by itself.",
                "%(num)s accounts would be made, more than the %(of)s that a night may make by itself.",
                people,
                of=of,
            )
        case "first_run", _:
            words = gettext(
                "This is the first plan for this Moodle (changes: %(count)s): it takes a person's approval.",
                count=people,
            )
        case "stopped", _:
            words = gettext("The exchange with this Moodle is stopped; the run only read.")
        case "unwhole_read", _:
            words = gettext(
                "Moodle may not have answered in full (%(course)s): %(text)s",
                course=course or gettext("all courses"),
                text=reason.get("text", ""),
            )
        case "not_the_approved", _:
            words = gettext(
                "Another plan was approved: Moodle or the lists have changed since, so this one was not carried out."
            )
        case _:
            words = reason.get("text", reason)
    return str(words)


def was_stopped(run: SyncRun) -> bool:
    """Tell whether a run changed nothing because the exchange was stopped; there is nothing to approve then."""
    return any(isinstance(reason, dict) and reason.get("code") == STOPPED for reason in run.held)


def score_words(reason: str) -> str:
    """Say why Moodle has not been told somebody's hours."""
    for pattern, words in SCORE_REASONS:
        match = re.fullmatch(pattern, reason)
        if match is not None:
            return str(words) % match.groupdict()
    return reason


def suspended_by(held_plan: dict[str, Any]) -> int:
    """Return how many enrolments a held plan would suspend."""
    return sum(1 for change in held_plan.get("changes", []) if change and change[0] == "suspend")


def known_words(text: str | None) -> str:
    """Return a text of the library about Moodle in the reader's language, if it is one of those known here."""
    return str(gettext(text)) if text else ""


def doubt_words(code: str) -> str:
    """Say why it isn't certain which user somebody is; ``code`` as stored."""
    return known_words(Doubt[code.upper()].value)


def error_words(error: str) -> tuple[str, str]:
    """Divide what stopped a run into what Moodle's side said and, translated, what to do about it."""
    for remedy in REMEDIES:
        if error.endswith(remedy):
            return error.removesuffix(remedy).strip(), known_words(remedy)
    kind, _colon, words = error.rpartition(": ")
    if kind and words in FINDINGS:
        return f"{known_words(words)} ({kind})", ""
    return known_words(error), ""


def target_words(target: str, names: Mapping[int, str], people: Mapping[int, str]) -> str:
    """Say whom or what a change is about; ``names`` by Moodle user id, ``people`` by our key."""
    match = TARGET.fullmatch(target)
    if match is None:
        return category_words(target) or target
    if match["person"]:
        name = people.get(int(match["person"])) or gettext("somebody who is no longer on the lists")
        return str(name)
    if match["meeting"]:
        words = gettext("meeting No. %(number)s, intake %(course)s", number=match["meeting"], course=match["course"])
        return str(words)
    if not match["user"]:
        return str(gettext("intake %(course)s", course=match["course"]))
    name = names.get(int(match["user"])) or gettext("Moodle user No. %(number)s", number=match["user"])
    if match["role"] == "group":
        return str(gettext("%(name)s, intake %(course)s", name=name, course=match["course"]))
    role = ROLES.get(match["role"], match["role"])
    return str(gettext("%(name)s (%(role)s), intake %(course)s", name=name, role=role, course=match["course"]))


def notes_words(notes: list[Any], names: Mapping[int, str]) -> list[str]:
    """Say what a person has to decide or know: of people by name, the rest counted by intake."""
    lines: list[str] = []
    counted: Counter[tuple[str, str]] = Counter()
    for note in notes:
        if not isinstance(note, dict):
            lines.append(str(note))
        elif is_about_person(note):
            name = names.get(note["subject"]) or gettext("somebody who is no longer on the lists")
            lines.append(f"{name}: {known_words(note.get('text'))}")
        elif (words := course_note_words(note)) is not None:
            lines.append(words)
        else:
            counted[note.get("code", ""), note.get("course_key", "")] += 1
    return lines + [_counted_note(code, course, number) for (code, course), number in sorted(counted.items())]


def _counted_note(code: str, course: str, number: int) -> str:
    if code in COURSE_NOTES:
        return str(COURSE_NOTES[code]) % {"course": course}
    match code:
        case "enrolled_by_others":
            words = ngettext(
                "Intake %(course)s: %(num)s person was enrolled in the course by other means and was not touched.",
                "Intake %(course)s: %(num)s people were enrolled in the course by other means and were not touched.",
                number,
                course=course,
            )
        case "role_kept":
            words = ngettext(
                "Intake %(course)s: %(num)s person has a role in the course that is no longer theirs; "
                "take it away in Moodle.",
                "Intake %(course)s: %(num)s people have a role in the course that is no longer theirs; "
                "take it away in Moodle.",
                number,
                course=course,
            )
        case "still_active":
            words = ngettext(
                "Intake %(course)s: %(num)s person left and is suspended, but stays active by another enrolment; "
                "end that one in Moodle if it should end.",
                "Intake %(course)s: %(num)s people left and are suspended, but stay active by other enrolments; "
                "end those in Moodle if they should end.",
                number,
                course=course,
            )
        case "reactivated_by_hand":
            words = ngettext(
                "Intake %(course)s: %(num)s person who left was made active again in Moodle.",
                "Intake %(course)s: %(num)s people who left were made active again in Moodle.",
                number,
                course=course,
            )
        case "suspended_by_hand":
            words = ngettext(
                "Intake %(course)s: %(num)s person was suspended in Moodle by hand.",
                "Intake %(course)s: %(num)s people were suspended in Moodle by hand.",
                number,
                course=course,
            )
        case "removed_by_hand":
            words = ngettext(
                "Intake %(course)s: %(num)s person was unenrolled in Moodle by hand.",
                "Intake %(course)s: %(num)s people were unenrolled in Moodle by hand.",
                number,
                course=course,
            )
        case _:
            words = f"{code} {course} ({number})"
    return str(words)
