"""Pure: may this plan run unattended? If not, why."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from moodle_sync.plan import ChangePlan, EnrolmentChange, Kind


class Limits(NamedTuple):
    """How much may be suspended without a person's word: more than ``share`` and at least ``floor`` people is held."""

    share: float = 0.2
    floor: int = 5


DEFAULT_LIMITS = Limits()


class Reason(NamedTuple):
    """Why a plan is held. ``course_key`` is empty where all courses together are meant."""

    code: str
    course_key: str
    suspended: int
    of: int
    text: str


class Verdict(NamedTuple):
    """Say whether a plan is held; no reasons mean that it may run."""

    reasons: tuple[Reason, ...]

    @property
    def held(self) -> bool:
        """Tell whether a person has to approve the plan."""
        return bool(self.reasons)


def review(plan: ChangePlan, limits: Limits = DEFAULT_LIMITS) -> Verdict:
    """Hold a plan that suspends too many in a course or in all, or that rests on a read not shown to be whole."""
    reasons = [
        Reason("unwhole_read", problem.course_key, 0, 0, f"{problem.code}: {problem.text}") for problem in plan.problems
    ]
    # People, not rows: one person may hold two roles in a course.
    people = {
        (change.course_key, change.user_id)
        for change in plan.changes
        if change[0] is Kind.SUSPEND and isinstance(change, EnrolmentChange)
    }
    suspended = Counter(course_key for course_key, _user_id in people)
    for key in sorted(suspended):
        if _too_many(suspended[key], plan.active.get(key, 0), limits):
            of = plan.active.get(key, 0)
            reasons.append(
                Reason("suspends_many", key, suspended[key], of, f"{suspended[key]} of {of} in course {key}")
            )
    total, of_all = suspended.total(), sum(plan.active.values())
    if _too_many(total, of_all, limits):
        reasons.append(Reason("suspends_many", "", total, of_all, f"{total} of {of_all} in all courses"))
    return Verdict(tuple(reasons))


def _too_many(suspended: int, active: int, limits: Limits) -> bool:
    return suspended >= limits.floor and suspended > limits.share * active
