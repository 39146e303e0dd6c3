"""Checks of the templates and of what may be done with them, of categories and roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lti_app.lti.doctor.checks import Check, add_command, amiss, note, ok
from lti_app.lti.doctor.probes import incapable, probes, untried
from lti_app.lti.doctor.services import functions_there, used_functions
from lti_app.lti.models import Moodle
from moodle_sync.categories import find_category
from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError
from moodle_sync.functions import Function
from moodle_sync.templates import FINDINGS, Link, find_templates, link_in


def courses(
    client: MoodleClient, moodle: Moodle, templates: Mapping[str, str], info: dict[str, Any]
) -> Iterator[Check]:
    """Look for the templates, and try on one of them what nights do."""
    if not templates:
        yield amiss(
            "template",
            "no template course is set: intakes get no courses",
            f"moodle template {moodle.name} SHORTNAME",
        )
        return
    try:
        found = find_templates(client, templates)
    except MoodleError as error:
        yield amiss("template", str(error), error.remedy)
        return
    for name, use in templates.items():
        if name in found:
            yield ok("template", f"course {found[name]}, {name}, for {use}")
            yield _link(client, name, found[name])
        else:
            yield amiss(
                "template",
                f"course {name}, for {use}, is not there, or the token's user may not see it",
                "check the shortname; give the user moodle/course:viewhiddencourses",
            )
    for course_id in sorted(found.values())[:1]:
        yield from _capabilities(client, moodle, course_id, info)
        yield from _roles(client, moodle, course_id)


def _link(client: MoodleClient, name: str, course_id: int) -> Check:
    """Look for the tool's link in a template, as the night does before it makes courses of it."""
    try:
        link = link_in(client.call(Function.COURSE_CONTENTS, courseid=course_id))
    except MoodleError as error:
        return incapable(Function.COURSE_CONTENTS, error)
    if link is Link.GOOD:
        return ok("template", f"{name}: a grade completes the link of an external tool in it")
    what, _, remedy = FINDINGS[link].partition(": ")
    return amiss("template", f"{name} {what}", remedy)


def _capabilities(client: MoodleClient, moodle: Moodle, course_id: int, info: dict[str, Any]) -> Iterator[Check]:
    """Try what the service has and nights use; a function that is missing was named before."""
    there = functions_there(info)
    used = [function for function in used_functions(moodle) if function in there]
    try:
        tries = [
            probe for probe in probes(client, moodle, course_id, int(info.get("userid", 0))) if probe.function in used
        ]
    except MoodleError as error:
        yield incapable(Function(error.function), error)
        return
    yield from dict.fromkeys(probe.run(client) for probe in tries)  # a fault that two of them show is told once
    yield from untried(used, {probe.function for probe in tries} | {Function.CATEGORIES})


def categories(client: MoodleClient, moodle: Moodle) -> Iterator[Check]:
    """Look for a category by an idnumber, as the night does where each site has its own."""
    if not moodle.category_per_site:
        return
    try:
        find_category(client, "-")
    except MoodleError as error:
        yield incapable(Function.CATEGORIES, error)
    else:
        yield ok("capabilities", f"{Function.CATEGORIES} finds categories by idnumber")


def _roles(client: MoodleClient, moodle: Moodle, course_id: int) -> Iterator[Check]:
    """Compare role ids with those of people in the template; Moodle has no function that lists roles."""
    try:
        people = client.call(Function.ENROLLED_USERS, courseid=course_id)
    except MoodleError:
        return
    seen = {
        str(role.get("shortname")): int(role.get("roleid", 0)) for person in people for role in person.get("roles", [])
    }
    for shortname, ours, option in (
        ("student", moodle.trainee_role_id, "--trainee-role-id"),
        ("editingteacher", moodle.leader_role_id, "--leader-role-id"),
    ):
        theirs = seen.get(shortname)
        if theirs is None:
            yield note("roles", f"{shortname}: nobody in the template has it, so its id ({ours}) can't be compared")
        elif theirs != ours:
            yield amiss(
                "roles",
                f"{shortname} has id {theirs} there, the tool uses {ours}",
                f"{add_command(moodle, moodle.url)} {option} {theirs}",
            )
        else:
            yield ok("roles", f"{shortname} has id {ours}")
