"""A link placed for an intake or a meeting leads there whoever may see it; it proves nothing and opens nothing."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta

import jwt
import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer

from lti_app.core.db import Database
from lti_app.credits.scores import links_by_course
from lti_app.lti.deep_linking import SALT, Chooser
from lti_app.lti.models import LtiRegistration
from lti_app.web.choices import OwnPages
from tests.conftest import MovableClock
from tests.lti_app.web.conftest import Scene, scene
from tests.lti_app.web.test_landing import COURSE, come, door, launch_of
from tests.lti_app.web.visits import ORIGIN, tied_user
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

__all__ = ["door", "scene"]


@pytest.fixture
def users(app: Flask, scene: Scene) -> dict[str, int]:
    people = {
        "leader": scene.here.leader,
        "leader elsewhere": scene.there.leader,
        "trainee": scene.trainee,
        "trainee elsewhere": scene.other_trainee,
    }
    return {role: tied_user(app, scene.here.moodle.id, person.id) for role, person in people.items()}


def lands(door, scene: Scene, user_id: int, course_id: int | None = COURSE, **custom: object) -> str:  # type: ignore[no-untyped-def]
    given = {name: str(value) for name, value in custom.items()}
    launch = launch_of(scene.here, user_id=user_id, course_id=course_id, custom=given)
    return str(come(door, launch, follow=False).headers["Location"])


def test_a_link_leads_to_its_page_whoever_may_see_it_and_everybody_else_where_they_always_land(
    door,  # type: ignore[no-untyped-def]
    scene: Scene,
    users: dict[str, int],
    database: Database,
) -> None:
    meeting, intake = f"/meetings/{scene.meeting_id}", f"/intakes/{scene.intake_id}"
    chosen = {"intake": scene.intake_id, "meeting": scene.meeting_id}
    for role in ("leader", "trainee"):
        assert lands(door, scene, users[role], **chosen) == meeting
        assert lands(door, scene, users[role], intake=scene.intake_id) == intake
    # The leader's own page opens from any course, a trainee's only from the course of the intake.
    assert lands(door, scene, users["leader"], 99, **chosen) == meeting
    assert lands(door, scene, users["trainee"], 99, **chosen).startswith("/course?")
    # Somebody else's, made up, of another intake, or nonsense: as without a choice.
    for role in ("leader elsewhere", "trainee elsewhere"):
        assert lands(door, scene, users[role], **chosen) == lands(door, scene, users[role]) != meeting
    other = scene.there.intake.id
    for custom in (
        {"intake": other, "meeting": scene.meeting_id},
        {"intake": 999, "meeting": scene.meeting_id},
        {"intake": "x"},
        {"intake": "//evil.example.org"},
        {"meeting": scene.meeting_id},
    ):
        assert lands(door, scene, users["trainee"], **custom) == intake
    assert lands(door, scene, users["trainee"], intake=scene.intake_id, meeting=999) == intake


def test_a_leader_chooses_among_the_own_intakes_and_coming_meetings(
    app: Flask, scene: Scene, users: dict[str, int], database: Database
) -> None:
    zone = app.extensions["ploshchadka"].settings.zone
    pages = OwnPages(zone)

    def chooser(role: str) -> Chooser:
        return Chooser(1, scene.here.moodle.id, users[role], COURSE, "Курс", "http://x", None, int(NOW.timestamp()))

    with database.transaction() as session:
        here = scene.here
        here.session = session
        session.add_all([here.intake, *here.topics])
        coming = here.meeting(topic=1, starts_at=NOW + timedelta(days=3))
        here.meeting(topic=1, starts_at=NOW + timedelta(days=4)).only_for_id = scene.trainee_id
        session.flush()
        keys = f"intake-{scene.intake_id}", f"meeting-{scene.meeting_id}", f"meeting-{coming.id}"
    with app.test_request_context(), database.session(writes=False) as session:
        with counted_queries(database) as queries:
            (group,) = pages.offered(session, chooser("leader"), "")
        assert len(queries) == 3
        assert [choice.key for choice in group.choices if choice.key in keys] == [keys[0], keys[1], keys[2]]
        assert pages.offered(session, chooser("leader"), "ГРАМОТНОСТЬ") == [group]
        assert pages.offered(session, chooser("leader"), "такого нет") == []
        assert pages.offered(session, chooser("trainee"), "") == []
        for key in keys:
            choice = pages.named(session, chooser("leader"), key)
            assert choice is not None
            assert choice.custom["intake"] == str(scene.intake_id)
            assert pages.named(session, chooser("leader elsewhere"), key) is None
            assert pages.named(session, chooser("trainee"), key) is None
        for key in ("", "meeting-", "meeting-x", "intake-999999", "tool-1", "meeting-1;2"):
            assert pages.named(session, chooser("leader"), key) is None


def test_hours_go_to_the_column_of_the_course_never_to_a_meetings(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        hours = world.link(12, lineitem_url="http://localhost/1")
        meeting = world.link(12, lineitem_url="http://localhost/2")
        meeting.chosen_meeting, meeting.changed_at = 5, NOW + timedelta(days=1)
        session.flush()
        assert [link.id for link in links_by_course(session, world.moodle.id)[12]] == [hours.id]


def test_what_a_launch_proved_goes_from_page_to_page_sealed_and_for_an_hour(
    app: Flask, scene: Scene, users: dict[str, int], clock: MovableClock, database: Database
) -> None:
    with database.transaction() as session:
        here = scene.here
        here.session = session
        registration_id = here.link(COURSE).registration_id
    chooser = Chooser(
        registration_id, here.moodle.id, users["leader"], COURSE, "Курс", here.moodle.url, "d", int(NOW.timestamp())
    )
    key = app.extensions["ploshchadka"].settings.secret_key
    sealed = URLSafeSerializer(key, salt=SALT).dumps(asdict(chooser))

    def choose(launch: str, **form: str):  # type: ignore[no-untyped-def]
        return app.test_client().post("/lti/deep-link/choose", data={"launch": launch, **form})

    offer = choose(sealed, q="")
    assert f'value="intake-{scene.intake_id}"' in offer.text
    assert f"frame-ancestors {ORIGIN}" in offer.headers["Content-Security-Policy"]
    answer = choose(sealed, chosen=f"meeting-{scene.meeting_id}")
    assert answer.status_code == 200
    token = re.search(r'name="JWT" value="([^"]+)"', answer.text)
    assert token is not None
    claims = jwt.decode(token[1], options={"verify_signature": False})
    (item,) = claims["https://purl.imsglobal.org/spec/lti-dl/claim/content_items"]
    assert item["custom"] == {"intake": str(scene.intake_id), "meeting": str(scene.meeting_id)}
    assert item["url"] == "http://localhost:8700/lti/launch"
    tagged = {"tag": "meeting", "resourceId": f"meeting-{scene.meeting_id}", "scoreMaximum": 100}
    assert tagged.items() <= item["lineItem"].items()
    assert claims["https://purl.imsglobal.org/spec/lti-dl/claim/data"] == "d"
    # What isn't theirs is not answered with: the list again.
    assert 'name="JWT"' not in choose(sealed, chosen=f"intake-{scene.there.intake.id}").text

    for launch in ("", "x", f"{sealed}x"):
        refused = choose(launch, chosen="tool")
        assert (refused.status_code, 'name="JWT"' in refused.text) == (400, False)
    clock.move(minutes=61)
    assert choose(sealed, chosen="tool").status_code == 400
    clock.move(minutes=-61)
    with database.transaction() as session:
        session.get_one(LtiRegistration, registration_id).disabled_at = NOW
    app.extensions["ploshchadka"].services["lti"].registrations.forget()
    assert choose(sealed, chosen="tool").status_code == 400
