"""The edge of a request: who asks, in which transaction, at what time. Only views and handlers look here."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from flask import Flask, Response, current_app, g, request
from flask import session as cookie
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core.clock import Clock
from lti_app.core.db import Database
from lti_app.core.errors import NotSignedIn, described
from lti_app.core.jobs import Jobs
from lti_app.core.outbox import QUEUED, Deliverer, DeliveryCounts, deliver_due
from lti_app.core.permissions import Actor, Permission, permission_of
from lti_app.core.vault import Vault

log = logging.getLogger(__name__)

READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_ENDPOINTS = frozenset({"static", "bootstrap.static"})


@dataclass(frozen=True)
class SignedIn:
    """Say who came through a launch: the Moodle, the user there, the person if known."""

    moodle_id: int
    user_id: int
    person_id: int | None
    name: str
    is_moodle_admin: bool
    moodle_origin: str
    since: int


Watcher = Callable[[Session, datetime], object]
"""Looks, before each round of delivery, whether somebody has to be told something, and queues it; safe to repeat."""


@dataclass
class Tool:
    """Hold the parts that create_app joined; one per application."""

    settings: Settings
    database: Database
    clock: Clock
    vault: Vault
    resolve_actor: Callable[[Session, SignedIn, datetime], Actor]
    jobs: Jobs = field(default_factory=Jobs)
    deliverers: dict[str, Deliverer] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    watchers: list[Watcher] = field(default_factory=list)


def tool() -> Tool:
    """Return the parts of the application that serves this request."""
    return cast(Tool, current_app.extensions["ploshchadka"])


def now() -> datetime:
    """Return the moment of this request in UTC: the same throughout the request."""
    if "now" not in g:
        g.now = tool().clock()
    return cast(datetime, g.now)


def db_session() -> Session:
    """Return this request's session. It is committed after a good answer to a writing method, else rolled back."""
    if "db" not in g:
        g.db = tool().database.session(writes=request.method not in READ_METHODS)
    return cast(Session, g.db)


def reference() -> str:
    """Return this request's reference id, shown on refusals and written to the log."""
    if "reference" not in g:
        g.reference = secrets.token_hex(4)
    return cast(str, g.reference)


def sign_in(who: SignedIn) -> None:
    """Begin a session for ``who``, forgetting any earlier one in this browser."""
    cookie.clear()
    cookie["who"] = [
        who.moodle_id,
        who.user_id,
        who.person_id,
        who.name,
        who.is_moodle_admin,
        who.moodle_origin,
        who.since,
    ]


def sign_out() -> None:
    """End the session in this browser."""
    cookie.clear()


def signed_in() -> SignedIn | None:
    """Return who came through a launch, or None if nobody did or the session has run out."""
    stored = cookie.get("who")
    if not isinstance(stored, list) or len(stored) != 7:
        return None
    who = SignedIn(*stored)
    return None if now().timestamp() - who.since > visit_life().total_seconds() else who


def visit_life() -> timedelta:
    """Return how long a visit lasts after its launch."""
    return timedelta(hours=tool().settings.session_hours)


def actor() -> Actor:
    """Return who acts in this request. Raises NotSignedIn without a launch."""
    if "actor" not in g:
        who = signed_in()
        if who is None:
            raise NotSignedIn(
                "not_signed_in",
                _l("Your visit has ended, or it did not begin in Moodle."),
                remedy=_l("Open the course in Moodle and follow the link from there."),
            )
        g.actor = tool().resolve_actor(db_session(), who, now())
    return cast(Actor, g.actor)


def deliver_in_background(parts: Tool) -> None:
    """Deliver what the outbox holds, in a thread of this process; the night and the timer deliver what it misses."""
    parts.jobs.submit("outbox", lambda: deliver(parts))


def deliver(parts: Tool) -> DeliveryCounts:
    """Let the watchers look, then deliver what is due. A watcher that fails holds no delivery up."""
    for watcher in parts.watchers:
        try:
            with parts.database.transaction() as session:
                watcher(session, parts.clock())
        except IntegrityError:
            log.info("another process has queued the same meanwhile")
        except Exception as error:  # whatever a watcher raises must not stop delivery
            log.error("a watcher failed\n%s", described(error))
    return deliver_due(parts.database, parts.deliverers, parts.clock)


def install(app: Flask) -> None:
    """Check permissions before each view; end each request's transaction."""

    @app.before_request
    def _check_permission() -> None:
        if request.endpoint is None or request.endpoint in OPEN_ENDPOINTS:
            return
        permission = permission_of(app.view_functions[request.endpoint])
        if permission is None:
            raise RuntimeError(f"route {request.endpoint} names no permission")
        if permission is not Permission.PUBLIC:
            actor().require(permission)

    @app.after_request
    def _commit(response: Response) -> Response:
        session = g.get("db")
        if session is not None and request.method not in READ_METHODS and response.status_code < 400:
            session.commit()
            if session.info.pop(QUEUED, False):
                deliver_in_background(tool())
        return response

    @app.teardown_request
    def _close(_error: BaseException | None) -> None:
        session = g.pop("db", None)
        if session is not None:
            session.close()
