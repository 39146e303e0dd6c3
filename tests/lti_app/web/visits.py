"""Visit pages as somebody, without a launch: the session that a launch would have begun is put into the cookie."""

from __future__ import annotations

from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf

from lti_app.people.models import Person
from tests.lti_app.world import NOW, World

ORIGIN = "http://localhost"


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
    """Return a browser in which ``person`` (or a stranger) has come from the world's Moodle."""
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


def token(app: Flask, client: FlaskClient) -> str:
    """Return a token that this browser's forms would carry."""
    with client.session_transaction() as cookie, app.test_request_context():
        from flask import session

        session.update(cookie)
        made = generate_csrf()
        cookie["csrf_token"] = session["csrf_token"]
    return made
