"""Moodles that the tool serves: their addresses, the access to their web services, how courses are made there."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import audit, saving
from lti_app.core.errors import DomainError
from lti_app.core.permissions import Actor
from lti_app.core.vault import Vault
from lti_app.lti.http import origin_of
from lti_app.lti.models import LtiRegistration, Moodle
from moodle_sync.templates import field_of

LONGEST_NAME = 60
AUTH = re.compile(r"[a-z][a-z0-9_]{0,19}")


def save_moodle(
    session: Session,
    vault: Vault,
    *,
    name: str,
    url: str,
    token: str,
    template: str | None = None,
    category: int | None = None,
    category_per_site: bool | None = None,
    trainee_role_id: int | None = None,
    leader_role_id: int | None = None,
    actor: Actor,
    now: datetime,
) -> saving.Saved:
    """Store a Moodle under ``name``, or update what is stored. Raises DomainError for an address or token at fault.

    ``template`` is a course id or a shortname; the night resolves it. What is None stays as it was.
    """
    url = _checked_address(url)
    if not name or len(name) > LONGEST_NAME:
        raise DomainError("moodle_name", f"the name must have 1 to {LONGEST_NAME} characters", field="name")
    if not token or len(token) > 500 or not token.isascii() or not token.isprintable() or " " in token:
        raise DomainError(
            "moodle_token",
            "this is not a web-service token",
            remedy="copy it from Site administration, Server, Web services, Manage tokens",
            field="token",
        )
    other = session.scalar(select(Moodle.name).where(Moodle.url == url, Moodle.name != name))
    if other is not None:
        raise DomainError("moodle_known", f"{url} is stored already, as {other!r}", field="url")
    values: dict[str, object] = {"url": url}
    if template is not None:
        values |= own_template(template)
    chosen = {
        "category_id": category,
        "category_per_site": category_per_site,
        "trainee_role_id": trainee_role_id,
        "leader_role_id": leader_role_id,
    }
    values |= {name: value for name, value in chosen.items() if value is not None}
    row = session.scalar(select(Moodle).where(Moodle.name == name))
    if row is None:
        row = Moodle(name=name, token_encrypted=vault.seal(token), created_at=now, **values)
        return saving.add(session, row, actor=actor, now=now, action="add_moodle")
    if row.url != url:
        row.max_input_vars = None  # read of another server
    outcome = saving.change(session, row, values, actor=actor, now=now, action="update_moodle")
    if vault.open(row.token_encrypted) != token:
        row.token_encrypted = vault.seal(token)
        # The audit says that the token changed, never what it is.
        audit.record(session, actor=actor, now=now, action="update_moodle_token", on=row)
        outcome = saving.Saved.CHANGED
    return outcome


def set_account_making(
    session: Session, moodle: Moodle, *, allowed: bool, auth: str | None, actor: Actor, now: datetime
) -> saving.Saved:
    """Say whether nights may make accounts in ``moodle``, and by which method the new users log in (None: as it was).

    Raises DomainError for what is no name of such a method.
    """
    values: dict[str, object] = {"creates_users": allowed}
    if auth is not None:
        if not AUTH.fullmatch(auth):
            raise DomainError(
                "auth_method",
                f"{auth!r} is not Moodle's name for a method of logging in",
                remedy="such as manual, ldap, oauth2: the names in Plugins, Authentication",
                field="auth",
            )
        values["new_user_auth"] = auth
    return saving.change(session, moodle, values, actor=actor, now=now, action="set_account_making")


def only_moodle_url(session: Session) -> str | None:
    """Return the address of the one Moodle whose launches are taken; None where there are several, or none.

    Strangers may be shown it: with several Moodles it would tell one municipality of another.
    """
    registered = select(LtiRegistration.moodle_id).where(LtiRegistration.disabled_at.is_(None))
    urls = session.scalars(select(Moodle.url).where(Moodle.id.in_(registered)).limit(2)).all()
    return urls[0] if len(urls) == 1 else None


def set_options(
    session: Session, moodle: Moodle, *, category_per_site: bool | None = None, actor: Actor, now: datetime
) -> saving.Saved:
    """Change how a stored Moodle's courses are made. What is None stays as it was."""
    options = {"category_per_site": category_per_site}
    values = {name: value for name, value in options.items() if value is not None}
    return saving.change(session, moodle, values, actor=actor, now=now, action="update_moodle")


def own_template(course: str | None) -> dict[str, object]:
    """Return the columns that name a Moodle's own template: a course id or a shortname, or none."""
    known = course is not None and field_of(course) == "id"
    return {"template_course": course, "template_course_id": int(course or 0) if known else None}


def _checked_address(url: str) -> str:
    """Return Moodle's wwwroot without a slash at the end."""
    parts = urlsplit(url.strip())
    if (
        parts.scheme not in ("http", "https")
        or not parts.netloc
        or parts.username is not None
        or parts.query
        or parts.fragment
        or not _names_a_host(parts.netloc)
    ):
        raise DomainError(
            "moodle_url", f"{url!r} is not a Moodle's address", remedy="such as https://moodle.example.org", field="url"
        )
    return url.strip().rstrip("/")


def _names_a_host(netloc: str) -> bool:
    try:
        return bool(origin_of(f"https://{netloc}"))
    except UnicodeError:
        return False
