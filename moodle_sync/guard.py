"""Pure: may this plan run unattended? If not, why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from moodle_sync.changes import ChangePlan, EnrolmentChange, Kind


class Limits(NamedTuple):
    """How many people may be suspended, or be missing, or get a new account, without a person's word.

    More than ``share`` of them and at least ``floor`` is held; more than ``new_users`` accounts made in one night too.
    """

    share: float = 0.2
    floor: int = 5
    new_users: int = 50


DEFAULT_LIMITS = Limits()


class Reason(NamedTuple):
    """Why a plan is held. ``course_key`` is empty where all courses together are meant."""

    code: str
    course_key: str
    people: int
    of: int
    text: str


class Verdict(NamedTuple):
    """Say whether a plan is held; no reasons mean that it may run."""

    reasons: tuple[Reason, ...]

    @property
    def held(self) -> bool:
        """Tell whether a person has to approve the plan."""
        return bool(self.reasons)


def review(plan: ChangePlan, limits: Limits = DEFAULT_LIMITS, *, is_first: bool = False) -> Verdict:
    """Hold a plan that suspends too many, makes too many accounts, or rests on a read not shown to be whole.

    ``is_first``: no plan was applied to this Moodle yet, so that any is held. A wrong address, list or template shows
    itself in the first plan, before it has made courses.

    A roster that lacks many people of ours may be one that Moodle shows in part: a service's user who lost
    ``moodle/site:accessallgroups`` sees nobody in other groups, without any error.
    """
    reasons = [
        Reason("unwhole_read", problem.course_key, 0, 0, f"{problem.code}: {problem.text}") for problem in plan.problems
    ]
    if is_first and plan:
        reasons.insert(0, Reason("first_run", "", len(plan), 0, f"the first plan for this Moodle, {len(plan)} changes"))
    # People, not rows: one person may hold two roles in a course.
    people = {
        (change.course_key, change.user_id)
        for change in plan.changes
        if change[0] is Kind.SUSPEND and isinstance(change, EnrolmentChange)
    }
    suspended = Counter(course_key for course_key, _user_id in people)
    reasons += _too_many("suspends_many", "would be suspended", suspended, plan.active, limits)
    missing = {key: number.people for key, number in plan.missing.items() if number.people}
    enrolled = {key: number.of for key, number in plan.missing.items()}
    reasons += _too_many("misses_many", "are not shown by Moodle", missing, enrolled, limits)
    made = sum(1 for change in plan.changes if change[0] is Kind.CREATE_USER)
    if made > limits.new_users:
        text = f"{made} accounts would be made, more than {limits.new_users}"
        reasons.append(Reason("creates_many", "", made, limits.new_users, text))
    return Verdict(tuple(reasons))


def _too_many(
    code: str, what: str, counts: Mapping[str, int], of: Mapping[str, int], limits: Limits
) -> Iterable[Reason]:
    for key in sorted(counts):
        if _over(counts[key], of.get(key, 0), limits):
            yield Reason(code, key, counts[key], of.get(key, 0), f"{counts[key]} of {of.get(key, 0)} {what} in {key}")
    total, of_all = sum(counts.values()), sum(of.values())
    if _over(total, of_all, limits):
        yield Reason(code, "", total, of_all, f"{total} of {of_all} {what} in all courses")


def _over(people: int, of: int, limits: Limits) -> bool:
    return people >= limits.floor and people > limits.share * of
