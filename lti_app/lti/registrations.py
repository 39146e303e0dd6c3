"""Registrations of the tool with Moodles, as the edge looks them up: by issuer, client and deployment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pylti1p3.deployment import Deployment
from pylti1p3.registration import Registration
from pylti1p3.tool_config.abstract import ToolConfAbstract
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_app.core.audit import record
from lti_app.core.db import Database
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.permissions import Actor
from lti_app.lti.http import is_below, origin_of
from lti_app.lti.models import LtiInvitation, LtiRegistration, Moodle
from lti_app.lti.refusals import MISCONFIGURED, UNKNOWN_MOODLE, LaunchRefused

LIFE = 60.0
PAUSE_AFTER_MISS = 2.0


@dataclass(frozen=True)
class Known:
    """Say what one registration holds; a snapshot that needs no database session."""

    id: int
    moodle_id: int
    moodle_url: str
    issuer: str
    client_id: str
    deployment_id: str
    auth_login_url: str
    auth_token_url: str
    key_set_url: str

    @property
    def moodle_origin(self) -> str:
        """Return scheme://host[:port] of the Moodle."""
        return origin_of(self.moodle_url)

    def for_library(self) -> Registration:
        """Return the same as the library's own kind of registration, without our keys."""
        return (
            Registration()
            .set_issuer(self.issuer)
            .set_client_id(self.client_id)
            .set_auth_login_url(self.auth_login_url)
            .set_auth_token_url(self.auth_token_url)
            .set_key_set_url(self.key_set_url)
        )


class Registrations(ToolConfAbstract[Any]):
    """Look registrations up. Read at most every minute per process, and anew after a change in this process.

    Somebody unknown makes it look again at most every two seconds, so that a registration made in another process
    serves at once and made-up issuers cost nothing.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[int, Known] = {}
        self._read_at = float("-inf")

    def forget(self) -> None:
        """Read anew at the next question: something was changed."""
        with self._lock:
            self._read_at = float("-inf")

    def get(self, registration_id: int) -> Known | None:
        """Return an enabled registration, or None."""
        return self._all(LIFE).get(registration_id) or self._all(PAUSE_AFTER_MISS).get(registration_id)

    def find(self, issuer: str, client_id: str | None, deployment_id: str | None) -> Known:
        """Return the one registration that fits. Raises LaunchRefused where none does, or several do.

        An issuer may have several clients: ``client_id`` decides; without it exactly one must fit.
        """
        for age in (LIFE, PAUSE_AFTER_MISS):
            of_issuer = [known for known in self._all(age).values() if known.issuer == issuer]
            fitting = [
                known
                for known in of_issuer
                if client_id in (None, known.client_id) and deployment_id in (None, known.deployment_id)
            ]
            if len(fitting) == 1:
                return fitting[0]
        if fitting:
            raise LaunchRefused("lti_registration_ambiguous", MISCONFIGURED)
        if not of_issuer:
            raise LaunchRefused("lti_issuer_unknown", UNKNOWN_MOODLE)
        if client_id is not None and all(known.client_id != client_id for known in of_issuer):
            raise LaunchRefused("lti_client_unknown", UNKNOWN_MOODLE)
        raise LaunchRefused("lti_deployment_unknown", UNKNOWN_MOODLE)

    def check_iss_has_one_client(self, iss: str) -> bool:
        """Tell the library that the client always counts."""
        return False

    def check_iss_has_many_clients(self, iss: str) -> bool:
        """Tell the library that the client always counts."""
        return True

    def find_registration_by_issuer(self, iss: str, *args: Any, **kwargs: Any) -> Registration:
        """Answer the library where no client is named: exactly one must fit."""
        return self.find(iss, None, None).for_library()

    def find_registration_by_params(self, iss: str, client_id: str, *args: Any, **kwargs: Any) -> Registration:
        """Answer the library's question by issuer and client."""
        return self.find(iss, client_id, kwargs.get("deployment_id")).for_library()

    def find_deployment(self, iss: str, deployment_id: str) -> Deployment | None:
        """Answer the library where no client is named: exactly one must fit."""
        return Deployment().set_deployment_id(self.find(iss, None, deployment_id).deployment_id)

    def find_deployment_by_params(
        self, iss: str, deployment_id: str, client_id: str, *args: Any, **kwargs: Any
    ) -> Deployment | None:
        """Answer the library's question by issuer, client and deployment."""
        return Deployment().set_deployment_id(self.find(iss, client_id, deployment_id).deployment_id)

    def _all(self, age: float) -> dict[int, Known]:
        with self._lock:
            if self._monotonic() - self._read_at >= age:
                self._known = self._read()
                self._read_at = self._monotonic()
            return self._known

    def _read(self) -> dict[int, Known]:
        with self._database.session(writes=False) as session:
            rows = session.execute(
                select(LtiRegistration, Moodle.url)
                .join(Moodle, Moodle.id == LtiRegistration.moodle_id)
                .where(LtiRegistration.disabled_at.is_(None))
            ).all()
            return {row.id: snapshot(row, url) for row, url in rows}


def snapshot(row: LtiRegistration, moodle_url: str) -> Known:
    """Return what a stored registration holds."""
    return Known(
        id=row.id,
        moodle_id=row.moodle_id,
        moodle_url=moodle_url,
        issuer=row.issuer,
        client_id=row.client_id,
        deployment_id=row.deployment_id,
        auth_login_url=row.auth_login_url,
        auth_token_url=row.auth_token_url,
        key_set_url=row.key_set_url,
    )


def moodle_named(session: Session, name: str) -> Moodle:
    """Return the Moodle of this name. Raises NotFound with the names there are."""
    moodle = session.scalar(select(Moodle).where(Moodle.name == name))
    if moodle is None:
        names = ", ".join(session.scalars(select(Moodle.name).order_by(Moodle.name))) or "-"
        raise NotFound("moodle_unknown", f"no Moodle is called {name!r}", remedy=f"known Moodles: {names}")
    return moodle


def add_registration(
    session: Session,
    *,
    moodle: Moodle,
    issuer: str,
    client_id: str,
    deployment_id: str,
    auth_login_url: str,
    auth_token_url: str,
    key_set_url: str,
    actor: Actor,
    now: datetime,
) -> LtiRegistration:
    """Store a registration, or bring a stored one up to date. Raises DomainError for an address elsewhere.

    All three addresses must belong to the Moodle: our signed assertions and our look-ups go there.
    """
    for name, url in (
        ("auth-login-url", auth_login_url),
        ("auth-token-url", auth_token_url),
        ("key-set-url", key_set_url),
    ):
        if not is_below(url, moodle.url):
            raise DomainError(
                "address_elsewhere",
                f"{name}: {url} is not an address of {moodle.url}",
                remedy="correct the address, or the Moodle's own with `moodle add`",
                field=name,
            )
    row = session.scalar(
        select(LtiRegistration).where(
            LtiRegistration.issuer == issuer,
            LtiRegistration.client_id == client_id,
            LtiRegistration.deployment_id == deployment_id,
        )
    )
    action = "add_registration" if row is None else "update_registration"
    if row is None:
        row = LtiRegistration(issuer=issuer, client_id=client_id, deployment_id=deployment_id, created_at=now)
        session.add(row)
    row.moodle_id = moodle.id
    row.auth_login_url = auth_login_url
    row.auth_token_url = auth_token_url
    row.key_set_url = key_set_url
    row.disabled_at = None
    session.flush()
    record(session, actor=actor, now=now, action=action, on=row)
    return row


def disable_registrations(
    session: Session, *, moodle: Moodle, client_id: str | None = None, actor: Actor, now: datetime
) -> list[LtiRegistration]:
    """Take no launches any more by the registrations with ``moodle``, or by that of one client; return those disabled.

    Visits that began before end with their next page, and an invitation that is open serves no more. Raises NotFound.
    """
    rows = [row for row in _registrations_with(session, moodle, client_id) if row.disabled_at is None]
    for row in rows:
        row.disabled_at = now
        record(session, actor=actor, now=now, action="disable_registration", on=row)
    if rows:
        moodle.visits_from = now
        session.execute(
            update(LtiInvitation)
            .where(
                LtiInvitation.moodle_id == moodle.id, LtiInvitation.used_at.is_(None), LtiInvitation.expires_at > now
            )
            .values(expires_at=now)
        )
    session.flush()
    return rows


def enable_registrations(
    session: Session, *, moodle: Moodle, client_id: str | None = None, actor: Actor, now: datetime
) -> list[LtiRegistration]:
    """Take launches again by the registrations with ``moodle``, or by that of one client; return those enabled.

    Visits that had ended begin anew from Moodle. Raises NotFound.
    """
    rows = [row for row in _registrations_with(session, moodle, client_id) if row.disabled_at is not None]
    for row in rows:
        row.disabled_at = None
        record(session, actor=actor, now=now, action="enable_registration", on=row)
    session.flush()
    return rows


def _registrations_with(session: Session, moodle: Moodle, client_id: str | None) -> list[LtiRegistration]:
    rows = session.scalars(
        select(LtiRegistration).where(LtiRegistration.moodle_id == moodle.id).order_by(LtiRegistration.id)
    ).all()
    chosen = [row for row in rows if client_id in (None, row.client_id)]
    if not chosen:
        known = ", ".join(sorted({row.client_id for row in rows})) or "-"
        raise NotFound(
            "registration_unknown",
            f"there is no such registration with {moodle.name!r}",
            remedy=f"known clients: {known}",
        )
    return chosen
