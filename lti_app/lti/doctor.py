"""Whether a Moodle is fit for the tool: each check with its remedy. Reads only; nothing is changed anywhere."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.lti.grades import SCORE_SCOPE
from lti_app.lti.http import BoundedSession
from lti_app.lti.keys import NoKey
from lti_app.lti.models import LtiRegistration, Moodle
from lti_app.lti.parts import connect, parts
from lti_app.lti.platform import ServiceUnreachable, TokenRefused
from lti_app.lti.refusals import LaunchRefused
from lti_app.lti.state import LEEWAY
from moodle_sync.categories import find_category
from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError
from moodle_sync.functions import FACTS, Function
from moodle_sync.templates import FINDINGS, Link, find_templates, link_in

SERVICE = "Site administration, Server, Web services, External services"
TOOLS = "Site administration, Plugins, External tool, Manage tools"
ADDRESS = "address"
PHP_DEFAULT_FIELDS = 1000
MOODLE_ADVISED_FIELDS = 5000


class Status(enum.StrEnum):
    """Say how a check ended. A note is worth knowing and harms nothing."""

    OK = "ok"
    NOTE = "note"
    AMISS = "amiss"


@dataclass(frozen=True)
class Check:
    """Say what was looked at, what was found, and what to do about it."""

    name: str
    status: Status
    message: str
    remedy: str = ""


def ok(name: str, message: str) -> Check:
    """Return a check that ended well."""
    return Check(name, Status.OK, message)


def note(name: str, message: str, remedy: str = "") -> Check:
    """Return a check with something worth knowing."""
    return Check(name, Status.NOTE, message, remedy)


def amiss(name: str, message: str, remedy: str) -> Check:
    """Return a check that found a fault."""
    return Check(name, Status.AMISS, message, remedy)


def examine(
    session: Session,
    moodle: Moodle,
    *,
    templates: Mapping[str, str],
    token: str,
    public_url: str,
    now: Callable[[], datetime],
) -> list[Check]:
    """Return every check in order. ``session`` is read from only; ``now`` is asked when Moodle's clock is compared.

    ``templates`` are those in use (a course id or a shortname), each with what for.
    """
    checks = [*_public_address(public_url), *_clock(moodle, now)]
    if checks[-1].name == ADDRESS:  # no answer: whatever else would be asked of it has the same cause
        return [*checks, *_registrations(session, moodle)]
    with MoodleClient(moodle.url, token, timeouts=(5.0, 30.0), retries=1) as client:
        try:
            info = client.call(Function.SITE_INFO)
        except MoodleError as error:
            checks.append(amiss("token", f"web services: {error}", error.remedy))
        else:
            checks += _site(moodle, info)
            checks += _functions(info, per_site=moodle.category_per_site, creates_users=moodle.creates_users)
            checks += _limits(moodle.url, token, info)
            checks += _templates(client, moodle, templates)
            checks += _categories(client, moodle)
    checks += _registrations(session, moodle)
    for row in _enabled(session, moodle):
        checks += _key_set(row)
        checks.append(_access(session, row))
    return checks


def _public_address(public_url: str) -> Iterator[Check]:
    parts_ = urlsplit(public_url)
    local = parts_.hostname in ("localhost", "127.0.0.1", "::1")
    if parts_.scheme == "https" or local:
        yield ok("public address", public_url)
    else:
        yield amiss(
            "public address",
            f"{public_url} is not https: browsers send the tool no cookie inside Moodle's page",
            "put a TLS proxy in front (config/nginx.conf) and set PUBLIC_URL to its https address",
        )


def _clock(moodle: Moodle, now: Callable[[], datetime]) -> Iterator[Check]:
    try:
        response = BoundedSession().get(f"{moodle.url}/mod/lti/certs.php")
        theirs = parsedate_to_datetime(response.headers["Date"])
    except requests.RequestException as error:
        yield amiss(
            ADDRESS,
            f"{moodle.url} does not answer: {type(error).__name__}",
            f"check that Moodle runs and the network; if the address is another: {_add(moodle, 'URL')}",
        )
        return
    except (KeyError, ValueError):
        yield note("clock", "Moodle's web server does not tell the time")
        return
    seconds = abs((now() - theirs.replace(tzinfo=theirs.tzinfo or UTC)).total_seconds())
    if seconds > LEEWAY.total_seconds():
        yield amiss(
            "clock",
            f"the clocks differ by {seconds:.0f} s; launches are refused past {LEEWAY.total_seconds():.0f} s",
            "set both servers' clocks by NTP",
        )
    else:
        yield ok("clock", f"the clocks differ by {seconds:.0f} s")


def _add(moodle: Moodle, url: str) -> str:
    """Return the command that changes what is stored of a Moodle; it asks for the token anew."""
    return f"moodle add {moodle.name} --url {url} --token-file FILE"


def _site(moodle: Moodle, info: dict[str, Any]) -> Iterator[Check]:
    yield ok("token", f"accepted, as user {info.get('username')}")
    told = str(info.get("siteurl", "")).rstrip("/")
    if told == moodle.url:
        yield ok(ADDRESS, told)
    else:
        yield amiss(
            ADDRESS,
            f"Moodle calls itself {told}, the tool has {moodle.url}",
            f"store the same address: {_add(moodle, told)}",
        )
    yield ok("release", f"Moodle {info.get('release', 'of unknown release')}")
    if info.get("userissiteadmin"):
        yield note(
            "capabilities",
            "the token belongs to a site administrator, who may do everything",
            "make a user of its own for the service, with the capabilities that `moodle functions` lists",
        )


FOR_CATEGORIES = (Function.CATEGORIES, Function.CREATE_CATEGORIES)


def _functions(info: dict[str, Any], *, per_site: bool, creates_users: bool) -> Iterator[Check]:
    """Look for the functions in use; those that a setting of this Moodle asks for are missed only where it does."""
    there = {str(entry.get("name")) for entry in info.get("functions", []) if isinstance(entry, dict)}
    by_setting = {**dict.fromkeys(FOR_CATEGORIES, per_site), Function.CREATE_USERS: creates_users}
    used = [function for function in Function if by_setting.get(function, True)]
    missing = [function for function in used if function not in there]
    for function in missing:
        facts = FACTS[function]
        remedy = f"add {function} to the service ({SERVICE})"
        make = note if facts.optional and function not in by_setting else amiss
        yield make("functions", f"{function} is missing: {facts.purpose}", remedy)
    if not missing:
        yield ok("functions", f"all {len(used)} are in the service")


def _limits(url: str, token: str, info: dict[str, Any]) -> Iterator[Check]:
    """Ask for people by id with the token's own user last: it is found only if PHP dropped no field before it."""
    own_id = int(info.get("userid", 0))
    taken = [
        fields for fields in (PHP_DEFAULT_FIELDS, MOODLE_ADVISED_FIELDS) if _takes_fields(url, token, own_id, fields)
    ]
    if MOODLE_ADVISED_FIELDS in taken:
        yield ok("limits", f"PHP takes {MOODLE_ADVISED_FIELDS} form fields (max_input_vars)")
    elif PHP_DEFAULT_FIELDS in taken:
        yield note(
            "limits",
            f"PHP takes {PHP_DEFAULT_FIELDS} form fields, but not {MOODLE_ADVISED_FIELDS}; batches are kept smaller",
            f"set max_input_vars = {MOODLE_ADVISED_FIELDS} in Moodle's php.ini, as Moodle itself advises",
        )
    else:
        yield amiss(
            "limits",
            f"PHP does not take {PHP_DEFAULT_FIELDS} form fields: batches would lose their ends",
            f"set max_input_vars = {MOODLE_ADVISED_FIELDS} in Moodle's php.ini",
        )


def _takes_fields(url: str, token: str, own_id: int, fields: int) -> bool:
    envelope = 4  # token, function, format, and the name of the field that people are looked up by
    values = [0] * (fields - envelope - 1) + [own_id]
    with MoodleClient(url, token, timeouts=(5.0, 30.0), retries=1, max_input_vars=fields) as client:
        try:
            found = client.call(Function.USERS_BY_FIELD, field="id", values=values)
        except MoodleError:
            return False
    return any(isinstance(user, dict) and user.get("id") == own_id for user in found)


def _templates(client: MoodleClient, moodle: Moodle, templates: Mapping[str, str]) -> Iterator[Check]:
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
        yield from _capabilities(client, course_id)
        yield from _roles(client, moodle, course_id)


def _link(client: MoodleClient, name: str, course_id: int) -> Check:
    """Look for the tool's link in a template, as the night does before it makes courses of it."""
    try:
        link = link_in(client.call(Function.COURSE_CONTENTS, courseid=course_id))
    except MoodleError as error:
        return _incapable(Function.COURSE_CONTENTS, error)
    if link is Link.GOOD:
        return ok("template", f"{name}: a grade completes the link of an external tool in it")
    what, _, remedy = FINDINGS[link].partition(": ")
    return amiss("template", f"{name} {what}", remedy)


def _categories(client: MoodleClient, moodle: Moodle) -> Iterator[Check]:
    """Look for a category by an idnumber, as the night does where each site has its own."""
    if not moodle.category_per_site:
        return
    try:
        find_category(client, "-")
    except MoodleError as error:
        yield _incapable(Function.CATEGORIES, error)
    else:
        yield ok("capabilities", f"{Function.CATEGORIES} finds categories by idnumber")


def _capabilities(client: MoodleClient, course_id: int) -> Iterator[Check]:
    """Try the reading of people on a template; what only writes need shows itself at the first night."""
    try:
        client.call(Function.ENROLLED_USERS, courseid=course_id)
    except MoodleError as error:
        yield _incapable(Function.ENROLLED_USERS, error)
    else:
        yield ok("capabilities", f"{Function.ENROLLED_USERS} answers on the template")


def _incapable(function: Function, error: MoodleError) -> Check:
    needed = ", ".join(FACTS[function].capabilities)
    return amiss("capabilities", f"{function}: {error.errorcode}", f"the token's user needs {needed}")


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
                f"{_add(moodle, moodle.url)} {option} {theirs}",
            )
        else:
            yield ok("roles", f"{shortname} has id {ours}")


def _enabled(session: Session, moodle: Moodle) -> Sequence[LtiRegistration]:
    return session.scalars(
        select(LtiRegistration).where(LtiRegistration.moodle_id == moodle.id, LtiRegistration.disabled_at.is_(None))
    ).all()


def _name_of(row: LtiRegistration) -> str:
    return f"LTI registration {row.client_id}"


def _registrations(session: Session, moodle: Moodle) -> Iterator[Check]:
    rows = _enabled(session, moodle)
    if not rows:
        yield amiss("LTI registration", "there is none", f"lti invite {moodle.name}")
    for row in rows:
        if row.issuer.rstrip("/") != moodle.url:
            yield amiss(
                _name_of(row), f"its issuer is {row.issuer}, the Moodle's address is {moodle.url}", "register anew"
            )


def _key_set(row: LtiRegistration) -> Iterator[Check]:
    try:
        parts().key_sets.find(row.key_set_url, "")
    except LaunchRefused as refused:
        # No key has an empty name, so "unknown" means that the set was read.
        if refused.code == "lti_key_unknown":
            yield ok(_name_of(row), "Moodle's key set can be read")
        else:
            yield amiss(
                _name_of(row),
                f"{row.key_set_url} gives no key set",
                "open the address; check the network and Moodle's log",
            )


def _access(session: Session, row: LtiRegistration) -> Check:
    """Ask for an access token: Moodle then has to fetch our keys and to know the client."""
    name = _name_of(row)
    try:
        connect(session, row).get_access_token([SCORE_SCOPE])
    except TokenRefused as refused:
        return amiss(
            name,
            f"Moodle gives no access token: {refused}",
            f"activate the tool ({TOOLS}); let Moodle reach PUBLIC_URL/lti/jwks (HTTP security: blocked hosts, ports)",
        )
    except ServiceUnreachable as error:
        return amiss(name, f"access token: {error}", "check the network and Moodle's log")
    except NoKey as error:
        return amiss(name, str(error), "lti rotate-keys --now")
    return ok(name, "Moodle gives access tokens for scores")
