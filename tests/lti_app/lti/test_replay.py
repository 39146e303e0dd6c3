"""A launch counts once, whoever is quicker."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from lti_app.core.db import Database
from lti_app.lti.models import LtiNonce, LtiResourceLink
from tests.lti_app.lti.moodle import CLAIM, SigningKey, SmallMoodle


def test_the_same_launch_again_is_refused_and_explained(
    moodle: SmallMoodle, browser: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    asked = moodle.login(browser)
    token = moodle.sign(moodle.claims(asked))
    cookie = next(cookie for cookie in browser._cookies.values() if cookie.key.startswith("lti_"))
    assert moodle.post(browser, asked, token).status_code == 200
    browser.set_cookie(cookie.key, cookie.value, path="/lti/")
    again = moodle.post(browser, asked, token)
    assert again.status_code == 409
    assert [record.getMessage() for record in caplog.records if "code=lti_replay " in record.getMessage()]


def test_another_token_for_a_nonce_that_was_used_is_refused(moodle: SmallMoodle, browser: FlaskClient) -> None:
    asked = moodle.login(browser)
    cookie = next(cookie for cookie in browser._cookies.values() if cookie.key.startswith("lti_"))
    assert moodle.post(browser, asked, moodle.sign(moodle.claims(asked))).status_code == 200
    browser.set_cookie(cookie.key, cookie.value, path="/lti/")
    assert moodle.post(browser, asked, moodle.sign(moodle.claims(asked, sub="5"))).status_code == 409


def test_of_simultaneous_posts_of_one_launch_exactly_one_succeeds(
    moodle: SmallMoodle, app: Flask, browser: FlaskClient, database: Database
) -> None:
    at_once = 6
    moodle.launch(browser)  # keys and registrations are known, so that the posts meet at the database
    for _ in range(5):
        asked = moodle.login(browser)
        token = moodle.sign(moodle.claims(asked))
        cookie = next(cookie for cookie in browser._cookies.values() if cookie.key.startswith("lti_"))
        gate = threading.Barrier(at_once)
        answers: list[int] = []

        def post(
            asked: dict[str, str] = asked,
            token: str = token,
            name: str = cookie.key,
            secret: str = cookie.value,
            gate: threading.Barrier = gate,
            answers: list[int] = answers,
        ) -> None:
            client = app.test_client()
            client.set_cookie(name, secret, path="/lti/")
            gate.wait(10)
            answers.append(moodle.post(client, asked, token).status_code)

        threads = [threading.Thread(target=post) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert Counter(answers) == {200: 1, 409: at_once - 1}
        browser.delete_cookie(cookie.key, path="/lti/")
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).select_from(LtiNonce)) == 6


def test_people_who_open_a_new_link_at_once_all_land(
    moodle: SmallMoodle, app: Flask, browser: FlaskClient, database: Database
) -> None:
    moodle.launch(browser)
    prepared = []
    for number in range(6):
        client = app.test_client()
        asked = moodle.login(client)
        claims = moodle.claims(asked, sub=str(10 + number), **{f"{CLAIM}resource_link": {"id": "77"}})
        prepared.append((client, asked, moodle.sign(claims)))
    gate = threading.Barrier(len(prepared))
    answers: list[int] = []

    def post(client: FlaskClient, asked: dict[str, str], token: str) -> None:
        gate.wait(10)
        answers.append(moodle.post(client, asked, token).status_code)

    threads = [threading.Thread(target=post, args=one) for one in prepared]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [200] * 6
    with database.session(writes=False) as session:
        links = select(func.count()).select_from(LtiResourceLink).where(LtiResourceLink.resource_link_id == "77")
        assert session.scalar(links) == 1


def test_a_key_that_moodle_changed_serves_without_a_restart(
    moodle: SmallMoodle, browser: FlaskClient, other_key: SigningKey
) -> None:
    moodle.launch(browser)
    moodle.server.keys.append(other_key.jwk())
    moodle.tool.services["lti"].key_sets._sets.clear()  # as after the hour that a key set is kept
    asked = moodle.login(browser)
    assert moodle.post(browser, asked, moodle.sign(moodle.claims(asked), other_key)).status_code == 200
