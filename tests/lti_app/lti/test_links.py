"""The activity behind a link: learnt from logins, kept where one doesn't tell it, and where it lets a launch begin."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.lti.links import Link, LinkMemory, launch_address, remember_link
from lti_app.lti.models import LtiResourceLink
from tests.lti_app.world import NOW, World

COURSE = 12


def cmid_after(session: Session, link: Link) -> int | None:
    remember_link(session, link, LinkMemory(), NOW)
    session.expire_all()
    return session.scalars(
        select(LtiResourceLink.cmid).where(LtiResourceLink.resource_link_id == link.resource_link_id)
    ).one()


def test_the_activity_of_a_link_is_learnt_and_not_forgotten(database: Database) -> None:
    with database.transaction() as session:
        known = World(session).link(COURSE)
        link = Link(known.registration_id, "900", COURSE, "Площадка", None, None, None)
        assert cmid_after(session, link) is None
        assert cmid_after(session, replace(link, cmid=44)) == 44
        assert cmid_after(session, link) == 44  # a login without a hint says nothing
        assert cmid_after(session, replace(link, cmid=45)) == 44  # any browser may say so; other people's go there
        assert cmid_after(session, replace(link, cmid=45, by_teacher=True)) == 45
        assert cmid_after(session, replace(link, by_teacher=True)) == 45
        assert cmid_after(session, replace(link, resource_link_id="901", cmid=7)) == 7


def test_a_launch_begins_at_the_newest_link_whose_activity_is_known(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        moodle_id, url = world.moodle.id, world.moodle.url
        assert launch_address(session, moodle_id=moodle_id, course_id=None) is None
        assert launch_address(session, moodle_id=moodle_id, course_id=COURSE) is None
        first, second, third = (world.link(COURSE) for _ in range(3))
        elsewhere = world.link(COURSE + 1)
        elsewhere.cmid = 99
        third.changed_at = NOW + timedelta(days=1)
        session.flush()
        address = launch_address(session, moodle_id=moodle_id, course_id=COURSE)
        assert address == f"{url}/mod/lti/view.php?l={third.resource_link_id}"
        first.cmid, second.cmid = 31, 32
        second.changed_at = NOW - timedelta(days=1)
        session.flush()
        assert launch_address(session, moodle_id=moodle_id, course_id=COURSE) == f"{url}/mod/lti/launch.php?id=31"
        first.registration.disabled_at = NOW
        session.flush()
        assert launch_address(session, moodle_id=moodle_id, course_id=COURSE) is None
