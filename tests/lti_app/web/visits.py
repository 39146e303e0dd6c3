"""Visit pages as somebody, without a launch: the session that a launch would have begun is put into the cookie."""

from __future__ import annotations

from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select

from lti_app.people.models import MoodleAccount, Person
from tests.lti_app.world import NOW, World

ORIGIN = "http://localhost"
FIRST_TIED_USER = 5000


def visit(
    app: Flask,
    world: World,
    person: Person | None = None,
    *,
    user_id: int = 7,
    is_moodle_admin: bool = False,
    name: str = "Гостева Галина",
    since: datetime = NOW,
    language: str = "ru",
) -> FlaskClient:
    """Return a browser in which ``person`` (or a stranger) has come from the world's Moodle.

    A person is tied to a user of that Moodle first, as a launch or a night would; ``user_id`` is a stranger's.
    """
    if person is not None:
        user_id = tied_user(app, world.moodle.id, person.id)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["who"] = [
            world.moodle.id,
            user_id,
            person.id if person else None,
            person.full_name if person else name,
            is_moodle_admin,
            ORIGIN,
            int(since.timestamp()),
        ]
        cookie["locale_chosen"] = language
    return client


def tied_user(app: Flask, moodle_id: int, person_id: int) -> int:
    """Return the user of a Moodle whom a person is; tie them to one where they are nobody's yet."""
    with app.extensions["ploshchadka"].database.transaction() as session:
        known = session.scalar(
            select(MoodleAccount.user_id).where(
                MoodleAccount.moodle_id == moodle_id, MoodleAccount.person_id == person_id
            )
        )
        if known is not None:
            return known
        user_id = FIRST_TIED_USER + person_id
        session.add(
            MoodleAccount(
                moodle_id=moodle_id, user_id=user_id, person_id=person_id, matched_by="idnumber", matched_at=NOW
            )
        )
        return user_id


def token(app: Flask, client: FlaskClient) -> str:
    """Return a token that this browser's forms would carry."""
    with client.session_transaction() as cookie, app.test_request_context():
        from flask import session

        session.update(cookie)
        made = generate_csrf()
        cookie["csrf_token"] = session["csrf_token"]
    return made
