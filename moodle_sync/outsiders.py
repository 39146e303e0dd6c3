"""Read who somebody in a course is whom nobody asked us to enrol: name, e-mail, number, and roles there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from moodle_sync.accounts import as_account
from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError, NotJson
from moodle_sync.functions import Function
from moodle_sync.roster import Account


class Place(NamedTuple):
    """Say where somebody stands: how many people of the course, sorted by user id, come before them."""

    course_id: int
    before: int
    user_id: int


class CoursePerson(NamedTuple):
    """Describe somebody in a course; ``role_ids`` are Moodle's, in that course."""

    course_id: int
    account: Account
    role_ids: frozenset[int]


def read_course_people(client: MoodleClient, places: Sequence[Place]) -> list[CoursePerson]:
    """Describe people by their places in rosters, one look each, many looks a call.

    Roles cost Moodle queries for each person shown, so nobody else is shown. Whoever isn't at their place any more,
    and who can't be read, is left out. Raises a MoodleError where Moodle can't be asked at all.
    """
    answers = client.read_many(Function.ENROLLED_USERS, [_params(place) for place in places])
    found = []
    for place, answer in zip(places, answers, strict=True):
        if isinstance(answer, MoodleError):
            continue
        person = _person(place, answer)
        if person is not None and person.account.user_id == place.user_id:
            found.append(person)
    return found


def _params(place: Place) -> dict[str, Any]:
    return {
        "courseid": place.course_id,
        "options": [
            {"name": "userfields", "value": "id,firstname,lastname,email,idnumber,roles"},
            {"name": "sortby", "value": "id"},
            {"name": "limitfrom", "value": place.before},
            {"name": "limitnumber", "value": 1},
        ],
    }


def _person(place: Place, answer: Any) -> CoursePerson | None:
    try:
        for body in answer:
            roles = frozenset(int(role["roleid"]) for role in body.get("roles") or ())
            return CoursePerson(place.course_id, as_account(body), roles)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotJson("people of a course that can't be read", function=Function.ENROLLED_USERS) from error
    return None
