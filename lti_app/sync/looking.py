"""What a night sees before it changes anything: what should be, what Moodle has, and the plan that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from lti_app.core.edge import Tool
from lti_app.lti.models import Moodle
from lti_app.sync.accounts import FEW, Looked, due_accounts, look_up, new_accounts, unsure_accounts
from lti_app.sync.desired import Scope, load_scope, taken_accounts, tied_courses
from lti_app.sync.journal import Progress
from lti_app.sync.rosters import remembered_rosters
from lti_app.sync.templates import templates_of
from moodle_sync.client import MoodleClient
from moodle_sync.errors import CannotReadWhole, MoodleError
from moodle_sync.events import Calendar
from moodle_sync.groups import ObservedGroups
from moodle_sync.guard import Limits, Verdict, review
from moodle_sync.observe import read_in_full, read_observed
from moodle_sync.observe_events import read_calendar
from moodle_sync.observe_groups import read_groups
from moodle_sync.plan import ChangePlan, leave_out, make_plan
from moodle_sync.roster import Doubt, Observed
from moodle_sync.templates import find_templates, notes_on_templates


@dataclass(frozen=True)
class Seen:
    """Hold what a plan rests on: what should be, and what was read."""

    scope: Scope
    observed: Observed
    calendar: Calendar
    groups: ObservedGroups
    looked: Looked

    def without_accounts(self) -> Seen:
        """Leave out what Moodle said of accounts: on a first night the largest part by far, and no plan rests on it."""
        return replace(self, observed=self.observed._replace(accounts={}), looked=self.looked.kept())


def look(tool: Tool, moodle: Moodle, client: MoodleClient, progress: Progress) -> tuple[Seen, ChangePlan, Verdict]:
    """Read and plan. Raises CannotReadWhole. Writes nothing."""
    progress("reading", 0, 0)
    with tool.database.session(writes=False) as session:
        templates = templates_of(session, moodle)
    try:
        template_ids = find_templates(client, templates.named)
    except MoodleError as error:
        raise CannotReadWhole(error) from error
    with tool.database.session(writes=False) as session:
        scope = load_scope(
            session,
            moodle,
            templates=templates,
            template_ids=template_ids,
            hide_after=timedelta(days=tool.settings.hide_after_days),
            zone=tool.settings.zone,
            now=tool.clock(),
            public_url=tool.settings.public_url,
        )
        taken = taken_accounts(session, moodle)
        tied = tied_courses(session, moodle)
        remembered = remembered_rosters(session, moodle.id, now=tool.clock(), days=tool.settings.full_read_days)
    observed = read_observed(
        client, scope.desired, scope.owned, now=int(tool.clock().timestamp()), remembered=remembered
    )
    observed = _without_foreign_courses(_without_taken(observed, taken), tied)
    calendar = Calendar(scope.events, read_calendar(client, scope.events, observed.courses))
    groups = read_groups(client, scope.desired.courses, observed.courses)
    with tool.database.session(writes=False) as session:
        looked = Looked(new_accounts(session, moodle, observed))
        # Where accounts may be made, a few of the known ones have to show that Moodle doesn't hide them all.
        least = FEW if looked.new else 0
        most = tool.settings.accounts_a_night
        due = set(due_accounts(session, moodle.id, scope.desired, least=least, most=most))
    seen = Seen(scope, observed, calendar, groups, looked)
    plan = plan_for(tool, seen)
    # What is written to has to be read, not remembered: the plan rests on full reads wherever it changes anything.
    if in_doubt := observed.assumed & plan.course_ids:
        seen = replace(seen, observed=read_in_full(client, observed, scope.owned, in_doubt))
        plan = plan_for(tool, seen)
    try:
        with tool.database.session(writes=False) as session:
            unsure = unsure_accounts(session, moodle.id, plan, now=tool.clock())
        looked = look_up(client, looked, asked=unsure | due, observed=seen.observed)
        if looked.is_blind:
            looked = replace(looked, new={})
        if looked.not_shown or looked.new != seen.looked.new:  # else the plan is the same
            plan = plan_for(tool, replace(seen, looked=looked))
        seen = replace(seen, looked=looked)
        plan.add_notes(notes_on_templates(client, plan))
    except MoodleError as error:
        raise CannotReadWhole(error) from error
    settings = tool.settings
    limits = Limits(settings.suspend_share, settings.suspend_floor, settings.create_users_limit)
    return seen, plan, review(plan, limits, is_first=moodle.trusted_at is None)


def plan_for(tool: Tool, seen: Seen) -> ChangePlan:
    """Plan what follows from what was seen."""
    plan = make_plan(
        seen.scope.desired,
        seen.scope.owned,
        seen.observed,
        respects_drift=tool.settings.drift == "respect",
        calendar=seen.calendar,
        groups=seen.groups,
        new_users=seen.looked.new,
    )
    return leave_out(plan, seen.looked.not_shown)


def _without_taken(observed: Observed, taken: dict[int, int]) -> Observed:
    """Leave out whom we matched to a user that is tied to another person already: a person has to decide."""
    clashes = [key for key in observed.matched_by if taken.get(observed.users[key], key) != key]
    if not clashes:
        return observed
    return observed._replace(
        users={key: user for key, user in observed.users.items() if key not in clashes},
        matched_by={key: how for key, how in observed.matched_by.items() if key not in clashes},
        unresolved={**observed.unresolved, **dict.fromkeys(clashes, Doubt.TIED_TO_ANOTHER)},
    )


def _without_foreign_courses(observed: Observed, tied: dict[int, list[str]]) -> Observed:
    """Leave out courses that only other intakes hold: whose idnumber is ours by chance, or was set by hand."""
    clashes = {
        key: f"course {course.course_id} belongs to the intake {tied[course.course_id][0]}"
        for key, course in observed.courses.items()
        if key not in tied.get(course.course_id, [key])
    }
    if not clashes:
        return observed
    return observed._replace(
        courses={key: course for key, course in observed.courses.items() if key not in clashes},
        conflicts={**observed.conflicts, **clashes},
    )
