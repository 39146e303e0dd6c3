"""A good launch: what it needs, what it leaves behind, what the landing is told."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from lti_app.core.db import Database
from lti_app.lti.models import LtiNonce, LtiResourceLink
from tests.conftest import MovableClock
from tests.lti_app.lti.moodle import CLAIM, SmallMoodle, recorded


def test_a_launch_lands(moodle: SmallMoodle, browser: FlaskClient) -> None:
    response = moodle.launch(browser)
    assert response.status_code == 200, response.text
