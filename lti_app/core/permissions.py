"""Who may do what: one table, asked by every route and every use case (domain.md, "Who may do what")."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Forbidden

View = TypeVar("View", bound=Callable[..., Any])


class Role(enum.StrEnum):
    """Name the five roles; leader and trainee follow from orders and enrolments, the others are granted."""

    ADMINISTRATOR = "administrator"
    CENTRE = "centre"
    COUNCIL = "council"
    LEADER = "leader"
    TRAINEE = "trainee"


class Permission(enum.StrEnum):
    """Name what a page or use case needs."""

    PUBLIC = "public"
    """Open to anybody, signed in or not: health, LTI endpoints, verification."""
    SIGNED_IN = "signed_in"
    """Any person who came through a launch."""
    OWN_RECORD = "own_record"
    """A trainee's own programme, schedule, hours; joining own meetings."""
    RUN_INTAKES = "run_intakes"
    """A leader's intakes: trainees, meetings, attendance, credits. Only of sites led."""
    FILL_PLACES = "fill_places"
    """Who has a place in an intake: the leader of its site, and the centre by its lists."""
    SEE_INTAKES = "see_intakes"
    """What an intake says and how full it is. A leader's are those of the sites led."""
    SEE_SYNC = "see_sync"
    """Runs, failures and held plans of the night."""
    APPROVE_SYNC = "approve_sync"
    """Let a held plan be applied."""
    DECIDE_PEOPLE = "decide_people"
    """Say which user of a Moodle somebody on the lists is, where the night can't be sure."""
    KEEP_PEOPLE = "keep_people"
    """The centre's lists of organisations and people."""
    KEEP_SITES = "keep_sites"
    """Decide on applications; give orders, renew them, end sites (3.3, 3.4, 8.1)."""
    SEE_LISTS = "see_lists"
    """Look through all sites, programmes and intakes, the calendar, the list of sites."""
    APPLY_FOR_SITE = "apply_for_site"
    """Apply for a site of one's own organisation (3.2). The use case asks whose organisation it is."""
    WRITE_PROGRAMMES = "write_programmes"
    """Write programmes of the sites led, submit them, answer remarks (4.2)."""
    DISCUSS_PROGRAMMES = "discuss_programmes"
    """The council's agenda, its remarks, its decisions, its word on ending a site (4.2, 8.1)."""
    KEEP_FEEDBACK = "keep_feedback"
    """Word the questions that people are asked after meetings."""
    ASK_FOR_PLACE = "ask_for_place"
    """Ask for a place in an intake for oneself, and see one's own requests. The use case asks who may."""
    CONFIRM_PLACES = "confirm_places"
    """Confirm that one's own teachers may learn: heads of organisations. The use case asks whose head it is."""


GRANTS: dict[Permission, frozenset[Role]] = {
    Permission.PUBLIC: frozenset(Role),
    Permission.SIGNED_IN: frozenset(Role),
    Permission.OWN_RECORD: frozenset({Role.TRAINEE}),
    Permission.RUN_INTAKES: frozenset({Role.LEADER}),
    Permission.FILL_PLACES: frozenset({Role.LEADER, Role.CENTRE}),
    Permission.SEE_INTAKES: frozenset({Role.LEADER, Role.CENTRE, Role.COUNCIL}),
    Permission.SEE_SYNC: frozenset({Role.ADMINISTRATOR}),
    Permission.APPROVE_SYNC: frozenset({Role.ADMINISTRATOR}),
    Permission.DECIDE_PEOPLE: frozenset({Role.ADMINISTRATOR}),
    Permission.KEEP_PEOPLE: frozenset({Role.CENTRE}),
    Permission.KEEP_SITES: frozenset({Role.CENTRE}),
    Permission.KEEP_FEEDBACK: frozenset({Role.CENTRE}),
    Permission.SEE_LISTS: frozenset({Role.CENTRE, Role.COUNCIL}),
    Permission.APPLY_FOR_SITE: frozenset(Role),
    Permission.WRITE_PROGRAMMES: frozenset({Role.LEADER}),
    Permission.DISCUSS_PROGRAMMES: frozenset({Role.COUNCIL}),
    Permission.ASK_FOR_PLACE: frozenset(Role),
    Permission.CONFIRM_PLACES: frozenset(Role),
}

OPEN_TO_ANY_VISITOR = frozenset(
    {Permission.SIGNED_IN, Permission.APPLY_FOR_SITE, Permission.ASK_FOR_PLACE, Permission.CONFIRM_PLACES}
)
"""Needs no role: somebody without one may apply, too. What of it is theirs, the use case asks."""

ROLE_NAMES = {
    Role.ADMINISTRATOR: _l("administrator"),
    Role.CENTRE: _l("centre specialist"),
    Role.COUNCIL: _l("council member"),
    Role.LEADER: _l("site leader"),
    Role.TRAINEE: _l("trainee"),
}


@dataclass(frozen=True)
class Actor:
    """Say who acts: a person, the roles held now, and the objects those roles extend to."""

    person_id: int | None
    name: str
    moodle_id: int | None = None
    user_id: int | None = None
    roles: frozenset[Role] = frozenset()
    led_site_ids: frozenset[int] = frozenset()
    trainee_intake_ids: frozenset[int] = field(default_factory=frozenset)

    def may(self, permission: Permission) -> bool:
        """Tell whether any of the roles grants ``permission``."""
        return permission in OPEN_TO_ANY_VISITOR or bool(GRANTS[permission] & self.roles)

    def require(self, permission: Permission) -> None:
        """Raise Forbidden, naming who may, unless granted."""
        if not self.may(permission):
            raise refusal(permission)

    def require_person(self) -> int:
        """Return the id of the person who acts. Raises Forbidden where nobody knows yet who that Moodle user is."""
        if self.person_id is None:
            raise Forbidden(
                "unknown_person",
                _l("You are not on any list yet."),
                remedy=_l("Ask the centre to put you on the list under the e-mail address that you use in Moodle."),
            )
        return self.person_id

    def require_site(self, site_id: int) -> None:
        """Raise Forbidden unless this person leads the site (4.1; an LTI Instructor role is no substitute)."""
        self.require(Permission.RUN_INTAKES)
        if site_id not in self.led_site_ids:
            raise Forbidden(
                "not_your_site",
                _l("This belongs to a site that you do not lead."),
                remedy=_l("Only the leader named in the site's order may do this."),
                clause="4.1",
            )


SYSTEM = Actor(person_id=None, name="system", roles=frozenset({Role.ADMINISTRATOR}))
"""The night and the command line act under this name."""


def refusal(permission: Permission) -> Forbidden:
    """Build the refusal for ``permission``, saying which roles hold it."""
    allowed = ", ".join(str(ROLE_NAMES[role]) for role in Role if role in GRANTS[permission])
    return Forbidden(
        "not_permitted",
        _l("You do not have access to this page."),
        remedy=_l("It is open to: %(roles)s.", roles=allowed),
    )


def needs(permission: Permission) -> Callable[[View], View]:
    """Mark a view with the permission that it needs; the edge checks it before the view runs."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark


def permission_of(view: Callable[..., Any]) -> Permission | None:
    """Return the permission that a view was marked with, or None."""
    found: Permission | None = getattr(view, "permission", None)
    return found
