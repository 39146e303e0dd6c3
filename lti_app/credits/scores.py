"""Credited hours to Moodle's gradebook: the ledger's sum of the version's hours, in the order of its decisions.

They go to the column of the link that was launched last in the course; credits.outstanding sees to those that a
replaced link has kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from lti_app.core.db import Database, insert_for
from lti_app.core.outbox import Delivered, Later, Outcome, Refused
from lti_app.core.words import hours_words, in_municipal_language
from lti_app.credits.models import ScoreState
from lti_app.credits.service import credited_hours
from lti_app.intakes.courses import place_elsewhere_in_course
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.grades import post_score, set_maximum
from lti_app.lti.models import LtiRegistration, LtiResourceLink, Moodle
from lti_app.people.models import MoodleAccount
from lti_app.programmes.models import ProgrammeVersion

TICK = timedelta(seconds=1)
"""Moodle refuses a score whose timestamp isn't later than the stored one (ags_score_old_ts.json), and compares whole
seconds: stamps a millisecond apart would be the same moment there, and the second score would be lost."""


class Link(NamedTuple):
    """Name a link of the tool and the line item that is its column of the gradebook."""

    id: int
    lineitem_url: str


@dataclass(frozen=True)
class _Score:
    """Hold what is to be posted; ``links`` are the course's links, the one launched last first."""

    trainee_id: int
    user_id: int
    links: tuple[Link, ...]
    hours: Decimal
    maximum: Decimal
    stamp: datetime


def deliver_score(database: Database, payload: dict[str, Any], now: datetime) -> Outcome:
    """Post what the ledger holds for ``payload["trainee_id"]`` now, unless Moodle has acknowledged just that.

    The message says whose hours changed, not which: whenever it is delivered, the sum of that moment goes out, so a
    message delivered late or twice does no harm. Its timestamp is taken in a transaction of its own, before the
    network is asked; Moodle's answer is written down in another.
    """
    with database.transaction() as session:
        score = _prepare(session, int(payload["trainee_id"]), now)
    if not isinstance(score, _Score):
        return score
    outcome = _post(database, score)
    if isinstance(outcome, Delivered):
        with database.transaction() as session:
            _acknowledge(session, score)
    return outcome


def _prepare(session: Session, trainee_id: int, now: datetime) -> _Score | Outcome:
    trainee = session.get(
        Trainee,
        trainee_id,
        options=[joinedload(Trainee.intake).options(joinedload(Intake.version), joinedload(Intake.moodle))],
    )
    if trainee is None:
        return Refused("there is no such trainee")
    if trainee.state is TraineeState.LEFT and place_elsewhere_in_course(session, trainee.intake, [trainee.person_id]):
        # One course, one column: it tells the hours of the place that the person holds now.
        return Delivered("the person's place in this course is in another intake now")
    address = _address(session, trainee)
    if isinstance(address, Later):
        return address
    user_id, links = address
    if session.get(ScoreState, trainee_id) is None and credited_hours(session, trainee_id) == 0:
        return Delivered("nothing was posted, and nothing is credited")
    # The row is there and locked before the ledger is read: a later stamp never carries an older sum.
    state = _locked_state(session, trainee_id, now)
    hours = credited_hours(session, trainee_id)
    if state.says(hours, links[0].lineitem_url):
        return Delivered("Moodle holds these hours already")
    return _Score(
        trainee_id=trainee_id,
        user_id=user_id,
        links=links,
        hours=hours,
        maximum=trainee.intake.version.hours,
        stamp=_next_stamp(state, now),
    )


def _address(session: Session, trainee: Trainee) -> tuple[int, tuple[Link, ...]] | Later:
    """Return the Moodle user and the links of the course, or what the world isn't ready for yet."""
    intake = trainee.intake
    if intake.moodle.stopped_at is not None:
        return Later("the exchange with this Moodle is stopped", patient=True)
    if intake.course_id is None:
        return Later(f"intake {intake.code} has no course in Moodle yet", patient=True)
    user_id = session.scalar(
        select(MoodleAccount.user_id).where(
            MoodleAccount.moodle_id == intake.moodle_id, MoodleAccount.person_id == trainee.person_id
        )
    )
    if user_id is None:
        return Later("the trainee's account in Moodle is not known yet", patient=True)
    links = links_by_course(session, intake.moodle_id, intake.course_id).get(intake.course_id)
    if not links:
        return Later(f"nobody has opened the tool in course {intake.course_id} yet", patient=True)
    return user_id, tuple(links)


def links_by_course(session: Session, moodle_id: int, course_id: int | None = None) -> dict[int, list[Link]]:
    """Return the links that have a line item by course (or of one course), the one that came or changed last first."""
    query = (
        select(LtiResourceLink.course_id, LtiResourceLink.id, LtiResourceLink.lineitem_url)
        .join(LtiRegistration, LtiRegistration.id == LtiResourceLink.registration_id)
        .where(
            LtiRegistration.moodle_id == moodle_id,
            LtiRegistration.disabled_at.is_(None),
            LtiResourceLink.chosen_meeting.is_(None),  # a meeting's column is not that of the hours
        )
        .order_by(LtiResourceLink.changed_at.desc(), LtiResourceLink.id.desc())
    )
    if course_id is not None:
        query = query.where(LtiResourceLink.course_id == course_id)
    found: dict[int, list[Link]] = {}
    for course, link_id, url in session.execute(query):
        if url is not None:
            found.setdefault(course, []).append(Link(link_id, url))
    return found


def _locked_state(session: Session, trainee_id: int, now: datetime) -> ScoreState:
    """Return the trainee's row, made if there was none, locked until the end of the transaction."""
    before = now.replace(microsecond=0) - TICK
    session.execute(
        insert_for(session, ScoreState).values(trainee_id=trainee_id, stamp=before).on_conflict_do_nothing()
    )
    return session.get_one(ScoreState, trainee_id, with_for_update=True, populate_existing=True)


def _next_stamp(state: ScoreState, now: datetime) -> datetime:
    """Take the next timestamp: now in whole seconds, or a second after the last one where the clock isn't past it."""
    state.stamp = max(now.replace(microsecond=0), state.stamp + TICK)
    return state.stamp


def _post(database: Database, score: _Score) -> Outcome:
    """Post to the link launched last; where Moodle refuses for good (the link is gone), to the next one."""
    outcome: Outcome = Refused("the course has no link of the tool any more")
    for link_id, _url in score.links:
        _count_hours(database, link_id, score.maximum)
        with database.session(writes=False) as session:
            link = session.get(
                LtiResourceLink,
                link_id,
                options=[joinedload(LtiResourceLink.registration).joinedload(LtiRegistration.moodle)],
            )
            if link is None or link.lineitem_url is None:
                continue
            outcome = post_score(
                session,
                registration=link.registration,
                lineitem_url=link.lineitem_url,
                user_id=score.user_id,
                score=score.hours,
                maximum=score.maximum,
                comment=comment_on(score.hours, score.maximum),
                timestamp=score.stamp,
            )
        if not isinstance(outcome, Refused):
            break
    return outcome


def _count_hours(database: Database, link_id: int, maximum: Decimal) -> None:
    """Let the link's column of the gradebook count hours, once; no transaction writes while the network is asked."""
    with database.session(writes=False) as session:
        link = session.get(LtiResourceLink, link_id, options=[joinedload(LtiResourceLink.registration)])
        if link is None or link.lineitem_url is None or link.lineitem_maximum == maximum:
            return
        if not set_maximum(session, registration=link.registration, lineitem_url=link.lineitem_url, maximum=maximum):
            return
    with database.transaction() as session:
        session.execute(update(LtiResourceLink).where(LtiResourceLink.id == link_id).values(lineitem_maximum=maximum))


def count_hours_in_columns(database: Database, moodle_id: int) -> None:
    """Let columns that hold scores count hours, where Moodle could not be asked for it when the scores were posted.

    Grades that are there keep their share. Where Moodle refuses for good, that costs a call a night for each column.
    """
    with database.session(writes=False) as session:
        columns = session.execute(
            select(LtiResourceLink.id, ProgrammeVersion.hours)
            .join(LtiRegistration, LtiRegistration.id == LtiResourceLink.registration_id)
            .join(Moodle, Moodle.id == LtiRegistration.moodle_id)
            .join(ScoreState, ScoreState.posted_to == LtiResourceLink.lineitem_url)
            .join(Trainee, Trainee.id == ScoreState.trainee_id)
            .join(Intake, (Intake.id == Trainee.intake_id) & (Intake.course_id == LtiResourceLink.course_id))
            .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
            .where(
                Moodle.id == moodle_id,
                Moodle.stopped_at.is_(None),
                LtiRegistration.disabled_at.is_(None),
                LtiResourceLink.lineitem_maximum.is_(None),
            )
            .distinct()
            .order_by(LtiResourceLink.id)
        ).all()
    for link_id, hours in columns:
        _count_hours(database, link_id, hours)


def comment_on(hours: Decimal, total: Decimal) -> str:
    """Return the gradebook's comment in the municipality's language: «Зачтено 18 из 24 ак. ч»."""
    return in_municipal_language(
        _l("%(done)s of %(total)s academic hours credited", done=hours_words(hours), total=hours_words(total))
    )


def _acknowledge(session: Session, score: _Score) -> None:
    state = session.get_one(ScoreState, score.trainee_id, with_for_update=True)
    # Another worker may have posted a later sum meanwhile; Moodle keeps the later one, and so do we.
    if state.posted_stamp is None or state.posted_stamp < score.stamp:
        # Where Moodle refused the newest link for good, an older one took the score: it isn't tried every night.
        state.posted_stamp, state.posted_hours = score.stamp, score.hours
        state.posted_to = score.links[0].lineitem_url
