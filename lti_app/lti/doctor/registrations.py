"""Checks of the tool's registrations with a Moodle: keys of both sides and access tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.lti.doctor.checks import HTTP_SECURITY, TOOLS, Check, amiss, ok
from lti_app.lti.grades import SCORE_SCOPE
from lti_app.lti.keys import NoKey
from lti_app.lti.models import LtiRegistration, Moodle
from lti_app.lti.parts import connect, parts
from lti_app.lti.platform import ServiceUnreachable, TokenRefused
from lti_app.lti.refusals import LaunchRefused


def enabled(session: Session, moodle: Moodle) -> Sequence[LtiRegistration]:
    """Return the registrations whose launches are taken."""
    return session.scalars(
        select(LtiRegistration).where(LtiRegistration.moodle_id == moodle.id, LtiRegistration.disabled_at.is_(None))
    ).all()


def _name_of(row: LtiRegistration) -> str:
    return f"LTI registration {row.client_id}"


def registrations(session: Session, moodle: Moodle) -> Iterator[Check]:
    """Look whether there are any, and whether they are of this Moodle."""
    rows = enabled(session, moodle)
    if not rows:
        yield amiss("LTI registration", "there is none", f"lti invite {moodle.name}")
    for row in rows:
        if row.issuer.rstrip("/") != moodle.url:
            yield amiss(
                _name_of(row), f"its issuer is {row.issuer}, the Moodle's address is {moodle.url}", "register anew"
            )


def key_set(row: LtiRegistration) -> Iterator[Check]:
    """Read Moodle's keys."""
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


def access(session: Session, row: LtiRegistration, public_url: str) -> Check:
    """Ask for an access token: Moodle then has to fetch our keys, unless it kept them, and to know the client."""
    name = _name_of(row)
    try:
        connect(session, row).get_access_token([SCORE_SCOPE])
    except TokenRefused as refused:
        if refused.is_page:
            return amiss(
                name,
                f"Moodle can't read the tool's keys: it answers an error page ({refused}) where it gives access tokens",
                f"let Moodle's server reach {public_url}/lti/jwks: its host must not be among the blocked hosts and "
                f"its port must be among the allowed ones: {HTTP_SECURITY}",
            )
        return amiss(
            name,
            f"Moodle gives no access token: {refused}",
            f"activate the tool ({TOOLS}), or register it anew",
        )
    except ServiceUnreachable as error:
        return amiss(name, f"access token: {error}", "check the network and Moodle's log")
    except NoKey as error:
        return amiss(name, str(error), "lti rotate-keys --now")
    return ok(name, "Moodle gives access tokens for scores")
