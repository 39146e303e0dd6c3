"""A small world in few lines: a Moodle, a site with its leader, a programme, an intake, trainees, meetings.

    with database.transaction() as session:
        world = World(session)                       # Moodle, site, leader, approved 24-hour programme, intake
        anna, boris = world.trainees(2)
        past = world.meeting(hours=2, starts_at=NOW - timedelta(days=1))
    actor = world.leader_actor                       # or world.actor_of(anna)

Everything is flushed; nothing is committed. What a test cares about it names, the rest has sensible values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor, Role
from lti_app.credits.models import CreditEntry, EntryKind
from lti_app.intakes.models import Intake, MoodleProgress, Trainee, TraineeState
from lti_app.lti.models import LtiRegistration, LtiResourceLink, Moodle
from lti_app.meetings.models import Attendance, JoinLog, Meeting, MeetingState, Presence
from lti_app.people.models import Category, MoodleAccount, Organisation, Person
from lti_app.programmes.models import Form, Mode, Programme, ProgrammeVersion, Topic, VersionState
from lti_app.sites.models import Site, SiteLeader, SiteOrder
from lti_app.sync.lock import new_holder
from lti_app.sync.models import SyncLock
from moodle_sync import roster
from moodle_sync.changes import Reason
from moodle_sync.plan import ChangePlan, EnrolmentChange, Kind

TOOL = "http://localhost:8700"
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
"""The moment at which the clock of conftest.py stands: 15:00 in Novokuznetsk."""


class World:
    """One site's world in one Moodle; ask for a second one with another ``code`` in the same session."""

    def __init__(
        self,
        session: Session,
        code: str = "a",
        *,
        topics: Sequence[float] = (8, 8, 8),
        needed: float | None = None,
        needs_completion: bool = False,
        capacity: int = 100,
        state: VersionState = VersionState.APPROVED,
        published: bool = True,
        course_id: int | None = None,
        moodle: Moodle | None = None,
        title: str = "Функциональная грамотность на уроке",
        now: datetime = NOW,
    ) -> None:
        self.session = session
        self.code = code
        self.now = now
        self._serial = 0
        self.moodle = moodle or self._moodle()
        self.organisation = Organisation(code=f"org-{code}", name=f"Школа {code}", licensed=False)
        self.site = Site(code=f"site-{code}", organisation=self.organisation, direction="Современный урок")
        self.leader = Person(
            last_name="Руководителева",
            first_name="Раиса",
            email=f"leader-{code}@example.org",
            organisation=self.organisation,
            category=Category.HIGHEST,
        )
        today = now.date()
        self.order = SiteOrder(
            site=self.site, number="1", signed_on=today, valid_from=date(today.year, 1, 1), valid_until=today
        )
        self.order.valid_until = date(today.year + 1, 12, 31)
        self.leading = SiteLeader(site=self.site, person=self.leader, since=date(today.year, 1, 1))
        self.programme = Programme(code=f"prog-{code}", site=self.site)
        total = sum((Decimal(str(hours)) for hours in topics), Decimal(0))
        approved = state is VersionState.APPROVED
        self.version = ProgrammeVersion(
            programme=self.programme,
            number=1,
            title=title,
            hours=total,
            hours_needed=total if needed is None else Decimal(str(needed)),
            needs_completion=needs_completion,
            state=state,
            council_protocol="3" if approved else None,
            council_date=today if approved else None,
        )
        self.topics = [
            Topic(
                version=self.version,
                position=position,
                title=f"Тема {position}",
                form=Form.SEMINAR,
                mode=Mode.DISTANCE,
                hours=Decimal(str(hours)),
            )
            for position, hours in enumerate(topics, start=1)
        ]
        session.add_all([self.organisation, self.site, self.leader, self.order, self.leading, self.programme])
        session.add_all([self.version, *self.topics])
        session.flush()
        self.intake = Intake(
            code=f"intake-{code}",
            version=self.version,
            moodle=self.moodle,
            starts_on=today - timedelta(days=60),
            ends_on=today + timedelta(days=60),
            capacity=capacity,
            published_at=now - timedelta(days=60) if published else None,
            course_id=course_id,
            course_tied_by="night" if course_id else None,
        )
        session.add(self.intake)
        session.flush()

    def _moodle(self) -> Moodle:
        moodle = Moodle(
            name=f"moodle-{self.code}",
            url=f"http://localhost/{self.code}",
            token_encrypted="sealed",
            created_at=self.now,
        )
        self.session.add(moodle)
        return moodle

    def person(self, name: str | None = None, *, email: str | None = None, idnumber: str | None = None) -> Person:
        """Add a person; the e-mail follows from a running number unless one is given (or an idnumber instead)."""
        self._serial += 1
        if email is None and idnumber is None:
            email = f"person-{self.code}-{self._serial}@example.org"
        person = Person(
            last_name=name or f"Стажёрова{self._serial:03}",
            first_name="Анна",
            email=email,
            moodle_idnumber=idnumber,
            organisation=self.organisation,
        )
        self.session.add(person)
        self.session.flush()
        return person

    def trainee(self, name: str | None = None, *, person: Person | None = None, left: bool = False) -> Trainee:
        """Add a trainee to the intake."""
        trainee = Trainee(
            intake=self.intake,
            person=person or self.person(name),
            state=TraineeState.LEFT if left else TraineeState.ENROLLED,
            enrolled_at=self.now - timedelta(days=30),
            left_at=self.now if left else None,
        )
        self.session.add(trainee)
        self.session.flush()
        return trainee

    def trainees(self, count: int) -> list[Trainee]:
        """Add ``count`` trainees."""
        return [self.trainee() for _ in range(count)]

    def meeting(
        self,
        *,
        topic: int = 0,
        hours: float = 2,
        starts_at: datetime | None = None,
        minutes: int = 90,
        mode: Mode = Mode.DISTANCE,
        cancelled: bool = False,
    ) -> Meeting:
        """Add a meeting on the topic with index ``topic``; by default yesterday's, each a minute after the last."""
        self._serial += 1
        meeting = Meeting(
            intake=self.intake,
            topic=self.topics[topic],
            form=Form.SEMINAR,
            mode=mode,
            starts_at=starts_at or self.now - timedelta(days=1) + timedelta(minutes=self._serial),
            minutes=minutes,
            hours=Decimal(str(hours)),
            place="каб. 12" if mode is Mode.ON_SITE else None,
            room_url=f"https://rooms.example.org/{self.code}-{self._serial}" if mode is Mode.DISTANCE else None,
            state=MeetingState.CANCELLED if cancelled else MeetingState.PLANNED,
        )
        self.session.add(meeting)
        self.session.flush()
        return meeting

    def attended(self, meeting: Meeting, *trainees: Trainee, presence: Presence = Presence.PRESENT) -> None:
        """Put down the leader's word, without going through the use case."""
        self.session.add_all(
            Attendance(
                meeting=meeting,
                trainee=trainee,
                presence=presence,
                confirmed_at=meeting.ends_at,
                confirmed_by_id=self.leader.id,
            )
            for trainee in trainees
        )
        self.session.flush()

    def stay(self, meeting: Meeting, trainee: Trainee, joined_at: datetime, left_at: datetime | None = None) -> JoinLog:
        """Put down a stay, without going through the use case."""
        stay = JoinLog(
            meeting_id=meeting.id,
            trainee_id=trainee.id,
            joined_at=joined_at,
            left_at=left_at,
            left_how="self" if left_at else None,
        )
        self.session.add(stay)
        self.session.flush()
        return stay

    def progress(self, trainee: Trainee, done: int, total: int, read_at: datetime | None = None) -> MoodleProgress:
        """Put down what Moodle said of the course's other activities."""
        progress = self.session.merge(
            MoodleProgress(
                trainee_id=trainee.id,
                activities_total=total,
                activities_complete=done,
                link_complete=None,
                link_grade=None,
                read_at=read_at or self.now,
            )
        )
        self.session.flush()
        return progress

    def entry(self, trainee: Trainee, hours: float, *, reverses: CreditEntry | None = None) -> CreditEntry:
        """Put an entry into the ledger, without going through the use case."""
        entry = CreditEntry(
            kind=EntryKind.CREDIT if reverses is None else EntryKind.REVERSAL,
            trainee_id=trainee.id,
            person_id=trainee.person_id,
            version_id=self.version.id,
            hours=Decimal(str(hours)),
            rule="правило",
            evidence={"meetings": []},
            decided_by_id=self.leader.id,
            decided_at=self.now,
            reverses_id=reverses.id if reverses else None,
            reason="ошибка" if reverses else None,
        )
        self.session.add(entry)
        self.session.flush()
        return entry

    def lock(self) -> SyncLock:
        """Put down the lock of a run that is under way in this process."""
        held = SyncLock(moodle_id=self.moodle.id, holder=new_holder(), taken_at=self.now, beat_at=self.now)
        self.session.add(held)
        self.session.flush()
        return held

    def account(self, person: Person, user_id: int) -> MoodleAccount:
        """Tie a person to a user of this world's Moodle."""
        account = MoodleAccount(
            moodle_id=self.moodle.id,
            user_id=user_id,
            person_id=person.id,
            matched_by="idnumber",
            matched_at=self.now,
        )
        self.session.add(account)
        self.session.flush()
        return account

    def link(
        self, course_id: int, *, lineitem_url: str | None = "http://localhost/lineitem?type_id=1"
    ) -> LtiResourceLink:
        """Put down a link of the tool in a course, as a launch would; makes the registration if there is none."""
        registration = self.session.scalar(
            select(LtiRegistration).where(LtiRegistration.moodle_id == self.moodle.id).limit(1)
        )
        if registration is None:
            registration = LtiRegistration(
                moodle_id=self.moodle.id,
                issuer=self.moodle.url,
                client_id=f"client-{self.code}",
                deployment_id="1",
                auth_login_url=f"{self.moodle.url}/mod/lti/auth.php",
                auth_token_url=f"{self.moodle.url}/mod/lti/token.php",
                key_set_url=f"{self.moodle.url}/mod/lti/certs.php",
                created_at=self.now,
            )
        self._serial += 1
        link = LtiResourceLink(
            registration=registration,
            resource_link_id=str(self._serial),
            course_id=course_id,
            lineitem_url=lineitem_url,
            changed_at=self.now,
        )
        self.session.add(link)
        self.session.flush()
        return link

    @property
    def leader_actor(self) -> Actor:
        """Act as the site's leader."""
        return Actor(
            person_id=self.leader.id,
            name=self.leader.full_name,
            moodle_id=self.moodle.id,
            roles=frozenset({Role.LEADER}),
            led_site_ids=frozenset({self.site.id}),
        )

    def actor_of(self, trainee: Trainee) -> Actor:
        """Act as a trainee of this intake."""
        return Actor(
            person_id=trainee.person_id,
            name=trainee.person.full_name,
            moodle_id=self.moodle.id,
            roles=frozenset({Role.TRAINEE}),
            trainee_intake_ids=frozenset({self.intake.id}),
        )


@contextmanager
def behind_the_rules(session: Session) -> Iterator[None]:
    """Write what the database's triggers refuse, as a world that came about otherwise would have it."""
    session.flush()
    if session.get_bind().dialect.name == "sqlite":
        triggers = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _sql in triggers:
            session.execute(text(f"DROP TRIGGER {name}"))
        yield
        session.flush()
        for _name, sql in triggers:
            session.connection().exec_driver_sql(sql)
    else:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        yield
        session.flush()
        session.execute(text("SET LOCAL session_replication_role = origin"))


def suspensions(people: int) -> dict[str, Any]:
    """Return a plan that suspends people, as it is kept while it waits."""
    changes = [
        EnrolmentChange(Kind.SUSPEND, "intake-a", 12, user, roster.Role.TRAINEE, 0, 0, Reason.LEFT)
        for user in range(people)
    ]
    return ChangePlan(changes).to_json()


def registered_tool(key_set: dict[str, Any]) -> dict[str, Any]:
    """Describe the tool as a pocket Moodle's seed registers it, under the client id of ``World.link``."""
    return {
        "id": 1,
        "name": "Площадка",
        "client_id": "client-a",
        "login_url": f"{TOOL}/lti/login",
        "redirect_uris": [f"{TOOL}/lti/launch"],
        "target_link_uri": f"{TOOL}/lti/launch",
        "jwks": key_set,
    }
