"""Members of a course, as the LTI service tells them (LTI names and role provisioning services 2.0).

Moodle lists active users only, with short role names; a non-editing teacher is a Learner here (nrps.json).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pylti1p3.names_roles import NamesRolesProvisioningService
from sqlalchemy.orm import Session

from lti_app.lti.claims import identifier, mapping, numeric_id, words
from lti_app.lti.http import is_below
from lti_app.lti.models import LtiRegistration
from lti_app.lti.parts import connect
from lti_app.lti.platform import ServiceUnreachable

MOST_PAGES = 1000


@dataclass(frozen=True)
class Member:
    """Say who is in a course. ``roles`` are short names such as Learner; names and e-mail may be withheld."""

    user_id: int
    roles: frozenset[str]
    name: str
    email: str | None
    idnumber: str | None


def read_members(
    session: Session,
    *,
    registration: LtiRegistration,
    memberships_url: str,
    role: str | None = None,
    page_size: int | None = None,
) -> list[Member]:
    """Read all members, following the pages. Without ``page_size`` Moodle answers with everyone at once.

    Moodle's link to the next page forgets the role filter, so it is put back. Raises ServiceUnreachable,
    ServiceRefused, TokenRefused, NoKey; a list is never cut short silently.
    """
    filters = {"role": role, "limit": None if page_size is None else str(page_size)}
    url: str | None = _with(memberships_url, {name: value for name, value in filters.items() if value})
    service = NamesRolesProvisioningService(
        connect(session, registration), {"context_memberships_url": memberships_url}
    )
    members: dict[int, Member] = {}
    asked: set[str] = set()
    while url is not None:
        if not is_below(url, registration.moodle.url) or url in asked or len(asked) >= MOST_PAGES:
            raise ServiceUnreachable("memberships: the next page makes no sense")
        asked.add(url)
        page = service.get_nrps_data(url)
        entries = mapping(page["body"]).get("members")
        if not isinstance(entries, list):
            raise ServiceUnreachable("memberships: not a list of members")
        for entry in entries:
            member = _member(entry)
            members[member.user_id] = member
        following = page["next_page_url"]
        url = _with(following, {"role": role} if role else {}) if following else None
    return list(members.values())


def _with(url: str, parameters: dict[str, str]) -> str:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | parameters
    return urlunsplit(parts._replace(query=urlencode(query)))


def _member(entry: Any) -> Member:
    told = mapping(entry)
    user_id = numeric_id(told.get("user_id"))
    roles = told.get("roles")
    if user_id is None or not isinstance(roles, list):
        raise ServiceUnreachable("memberships: a member without id or roles")
    return Member(
        user_id=user_id,
        roles=frozenset(role for role in roles if isinstance(role, str)),
        name=words(told.get("name"), 200),
        email=identifier(told.get("email"), 254),
        idnumber=identifier(told.get("lis_person_sourcedid"), 255),
    )
