"""A city in which a night has to do everything that nights do: twice, each time from a state that can be had again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.keys import ensure_key, published_keys
from lti_app.lti.models import Moodle
from lti_app.lti.platform import AccessTokens
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.people.models import Person
from lti_app.sites.models import SiteLeader
from lti_app.sync import night
from lti_app.sync.models import RunStatus
from lti_app.sync.night import NightResult, run_night
from moodle_sync.client import MoodleClient
from moodle_sync.functions import Function
from moodle_sync.sandbox import Sandbox, actions, running_sandbox
from moodle_sync.sandbox.state import State
from tests.conftest import DATA_KEY, MovableClock
from tests.faults.compared import Rows, state_of
from tests.faults.stores import Store
from tests.lti_app.sync.conftest import seed_users
from tests.lti_app.world import TOOL, World, registered_tool

SHARED = 50
"""The Moodle course that two intakes share."""
DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
"""The first night's moment, on the day of the test: access tokens are asked for by the system's clock."""

TOKEN, LINE_ITEM, SCORES = (
    "/mod/lti/token.php",
    "/mod/lti/services.php/*/lineitem",
    "/mod/lti/services.php/*/scores",
)


def _user(name: str, email: str, **more: str) -> dict[str, str]:
    return {"username": name, "firstname": "Анна", "lastname": f"Ещёва-{name}", "email": email, **more}


def _seed(key_set: dict[str, Any]) -> dict[str, Any]:
    link = {"kind": "lti", "name": "Площадка", "tool": "Площадка", "completion": "grade", "maximum": 100.0}
    activities = [link, {"kind": "assign", "name": "Работа", "completion": "manual"}]
    return {
        "users": [
            *seed_users(11, "a"),
            *seed_users(7, "b"),
            *seed_users(4, "c"),
            _user("leader-b2", "leader-b2@example.org"),
            _user("numbered", "old@example.org", idnumber="SN-9"),
            _user("numbered2", "old2@example.org", idnumber="SN-10"),
            _user("spelt", "Spelt.Otherwise@Example.org"),
            _user("spelt2", "Spelt.Too@Example.org"),
            _user("stranger", "stranger@example.org"),
        ],
        "tools": [registered_tool(key_set)],
        "categories": [{"name": "Стажировочные площадки", "idnumber": "SITES"}],
        "courses": [
            {"shortname": "TEMPLATE", "fullname": "Шаблон", "activities": activities},
            {"id": SHARED, "shortname": "shared", "fullname": "Общий курс", "activities": activities},
        ],
        "enrolments": [{"user": "stranger", "course": SHARED}],
    }


@dataclass(frozen=True)
class Stage:
    """A state in which a night begins, what it should come to, and what it calls on the way."""

    database: str
    moodle: dict[str, Any]
    clock: datetime
    reference: Mapping[str, Rows]
    suspended: frozenset[tuple[str, str]]
    """Course and person, as far as the plan asks for suspensions."""
    calls: Mapping[bool, list[str]]
    """By whether reads are packed many to a call."""


@dataclass
class City:
    """The tool and its Moodle; ``suspended`` grows with every suspension that Moodle is asked for."""

    tool: Tool
    app: Any
    sandbox: Sandbox
    clock: MovableClock
    store: Store
    moodle_id: int = 0
    read_timeout: float = 30.0
    suspended: set[tuple[int, int]] = field(default_factory=set)
    stages: list[Stage] = field(default_factory=list)

    def night(self) -> NightResult:
        """Do one night's work, an hour after the last one."""
        self.clock.move(hours=1)
        with self.app.app_context():
            return run_night(self.tool, self.moodle_id)

    def begin(self, stage: Stage, *, packed: bool) -> None:
        """Go back to where a stage begins."""
        self.tool.database.dispose()
        self.store.restore(stage.database)
        _put(self.sandbox.state, stage.moodle)
        self.sandbox.state.site.withheld_functions = [] if packed else [str(Function.CALL_MANY)]
        self.clock.moment = stage.clock
        self.tool.services["lti"] = replace(self.tool.services["lti"], access_tokens=AccessTokens())
        self.suspended.clear()
        self.sandbox.calls.clear()
        self.sandbox.faults.clear()

    def state(self) -> dict[str, Rows]:
        """Return what has to be the same with a fault and without it."""
        return state_of(self.tool, self.sandbox.state)

    def suspensions(self) -> set[tuple[str, str]]:
        """Return who was suspended in which course since the stage began."""
        state = self.sandbox.state
        return {(state.courses[course].shortname, state.users[user].username) for course, user in self.suspended}


def _kept(state: State) -> dict[str, Any]:
    with state.lock:
        return {one.name: deepcopy(getattr(state, one.name)) for one in fields(State) if one.name not in STANDING}


def _put(state: State, kept: dict[str, Any]) -> None:
    with state.lock:
        for name, value in kept.items():
            setattr(state, name, deepcopy(value))


STANDING = ("clock", "lock")


@contextmanager
def a_city(store: Store, monkeypatch: Any) -> Iterator[City]:
    """Build the city, and its two stages: the first night, and a night of changes."""
    clock = MovableClock(NOW)
    settings = Settings(secret_key="s" * 40, data_keys=(DATA_KEY,), public_url=TOOL, database_url=store.url)
    app = create_app(settings, clock)
    tool: Tool = app.extensions["ploshchadka"]
    with tool.database.transaction() as session:
        ensure_key(session, tool.vault, datetime(2020, 1, 1, tzinfo=UTC))
        key_set = published_keys(session, datetime.now(UTC))
    with running_sandbox(_seed(key_set), hang=0.3) as sandbox:
        city = City(tool, app, sandbox, clock, store)

        def client_for(tool: Tool, moodle: Moodle) -> MoodleClient:
            return MoodleClient(
                moodle.url,
                tool.vault.open(moodle.token_encrypted),
                timeouts=(5.0, city.read_timeout),
                concurrency=1,  # so that a call's number among its like says which it is
                sleep=lambda _seconds: None,
            )

        enrol = actions.enrol

        def noting_enrol(state: State, course: int, user: int, role: int, **options: Any) -> None:
            if options.get("suspended"):
                city.suspended.add((course, user))
            enrol(state, course, user, role, **options)

        monkeypatch.setattr(night, "client_for", client_for)
        monkeypatch.setattr(actions, "enrol", noting_enrol)
        _found(city)
        city.stages.append(_stage(city, "first"))
        _a_while_later(city)
        city.stages.append(_stage(city, "changes"))
        yield city
        tool.database.dispose()


def _stage(city: City, name: str) -> Stage:
    """Keep where the city stands as a stage; do its night, and leave the city as it is then."""
    city.tool.database.dispose()
    city.store.keep(name)
    moodle, began = _kept(city.sandbox.state), city.clock()
    bare = Stage(name, moodle, began, {}, frozenset(), {})
    calls: dict[bool, list[str]] = {}
    references = []
    for packed in (False, True):
        city.begin(bare, packed=packed)
        result = city.night()
        assert result.status is RunStatus.DONE, result.report
        calls[packed] = list(city.sandbox.calls)
        suspended = city.suspensions()
        references.append(city.state())
        quiet = city.night()
        assert (quiet.status, quiet.report["counts"]) == (RunStatus.DONE, {}), quiet.report
        assert city.state() == references[-1]
    assert references[0] == references[1]
    return Stage(name, moodle, began, references[0], frozenset(suspended), calls)


def _found(city: City) -> None:
    """Found two sites: the first one's two intakes share a course, the second one's has yet to be made."""
    sandbox, clock = city.sandbox, city.clock
    (category,) = (one.id for one in sandbox.state.categories.values() if one.idnumber == "SITES")
    with city.tool.database.transaction() as session:
        moodle = Moodle(
            name="city",
            url=sandbox.url,
            token_encrypted=city.tool.vault.seal(sandbox.token),
            template_course="TEMPLATE",
            category_id=category,
            category_per_site=True,
            creates_users=True,
            created_at=clock(),
            trusted_at=clock(),
        )
        session.add(moodle)
        session.flush()
        city.moodle_id = moodle.id
        a = World(session, "a", moodle=moodle, now=NOW, course_id=SHARED, needs_completion=True, needed=2)
        trainees = a.trainees(11)
        other = Intake(
            code="intake-z",
            version=a.version,
            moodle=moodle,
            starts_on=a.intake.starts_on,
            ends_on=a.intake.ends_on + timedelta(days=20),
            capacity=100,
            published_at=a.intake.published_at,
            course_id=SHARED,
            course_tied_by="leader",
        )
        session.add(other)
        for trainee in trainees[8:]:
            trainee.intake = other
        a.attended(a.meeting(), *trainees[:6])
        a.entry(trainees[3], 2)
        [item] = [one.id for one in sandbox.state.grade_items.values() if (one.course, one.itemtype) == (SHARED, "mod")]
        a.link(SHARED, lineitem_url=f"{sandbox.url}/mod/lti/services.php/{SHARED}/lineitems/{item}/lineitem?type_id=1")
        a.meeting(starts_at=NOW + 3 * DAY)
        b = World(session, "b", moodle=moodle, now=NOW, needs_completion=True)
        b.trainees(5)
        b.trainee(person=b.person("Номерова", email="new@example.org", idnumber="SN-9"))
        b.trainee(person=b.person("Иначева", email="spelt.otherwise@example.org"))
        b.trainee(person=b.person("Безмудлова", email="nobody@example.org"))
        for days in (2, 3, 4):
            b.meeting(starts_at=NOW + days * DAY)
    _complete(city, "person-a-4")
    _complete(city, "person-a-6")


def _a_while_later(city: City) -> None:
    """Let one trainee leave and a night pass; then change everything at once."""
    with city.tool.database.transaction() as session:
        _leave(session, "person-b-5@example.org", city.clock())
    city.night()
    city.clock.moment = NOW + DAY
    with city.tool.database.transaction() as session:
        _change(session, city.moodle_id)
    sandbox = city.sandbox
    state = sandbox.state
    course = next(one for one in state.courses.values() if one.idnumber == "intake-b")
    users = {one.username: one.id for one in state.users.values()}
    state.enrolments[course.id][users["person-b-3"]]["manual"].suspended = True
    actions.unenrol(state, course.id, users["person-b-4"])
    course.fullname = "Переименован рукой"
    events = sorted((one for one in state.events.values() if one.course == course.id), key=lambda one: one.timestart)
    del state.events[events[2].id]
    _complete(city, "person-a-5")


def _change(session: Session, moodle_id: int) -> None:
    """Move, leave, come back, arrive, put off, cancel, credit; and found a third site."""
    now = NOW + DAY
    moodle = session.get_one(Moodle, moodle_id)
    intakes = {intake.code: intake for intake in session.scalars(select(Intake))}
    moved = _leave(session, "person-a-1@example.org", now)
    for code, person in (
        ("intake-z", moved.person),
        ("intake-a", Person(last_name="Новая", first_name="Дина", email="new-one@example.org")),
        ("intake-b", Person(last_name="Новая", first_name="Эмма", email="new-two@example.org")),
        ("intake-b", Person(last_name="Номерова", first_name="Яна", email="new2@example.org", moodle_idnumber="SN-10")),
        ("intake-b", Person(last_name="Иначева", first_name="Яна", email="spelt.too@example.org")),
        ("intake-b", Person(last_name="Стажёрова", first_name="Анна", email="person-b-6@example.org")),
    ):
        session.add(Trainee(intake=intakes[code], person=person, state=TraineeState.ENROLLED, enrolled_at=now))
    for email in ("person-a-2@example.org", "person-b-2@example.org"):
        _leave(session, email, now)
    back = _trainee(session, "person-b-5@example.org")
    back.state, back.left_at = TraineeState.ENROLLED, None
    intakes["intake-b"].ends_on += timedelta(days=10)
    leading = session.scalars(
        select(SiteLeader).join(Person, Person.id == SiteLeader.person_id).where(Person.email == "leader-b@example.org")
    ).one()
    leading.until = NOW.date()
    successor = Person(last_name="Преемникова", first_name="Раиса", email="leader-b2@example.org")
    session.add(SiteLeader(site_id=leading.site_id, person=successor, since=now.date()))
    first, second, _third = session.scalars(
        select(Meeting).where(Meeting.intake_id == intakes["intake-b"].id).order_by(Meeting.starts_at)
    )
    first.starts_at += timedelta(hours=2)
    second.state = MeetingState.CANCELLED
    c = World(session, "c", moodle=moodle, now=now)
    c.trainees(4)
    c.meeting(starts_at=now + 5 * DAY)
    credited = _trainee(session, "person-a-5@example.org")
    c.version = credited.intake.version
    c.entry(credited, 2)


def _trainee(session: Session, email: str) -> Trainee:
    return session.scalars(select(Trainee).join(Person).where(Person.email == email)).one()


def _leave(session: Session, email: str, now: datetime) -> Trainee:
    trainee = _trainee(session, email)
    trainee.state, trainee.left_at = TraineeState.LEFT, now
    return trainee


def _complete(city: City, username: str) -> None:
    state = city.sandbox.state
    [user] = state.user_index["username"][username]
    work = next(module for module in state.modules_of(SHARED) if module.kind == "assign")
    actions.set_completion(state, work, user, 1)


def occurrences(calls: list[str], operation: str) -> int:
    """Count the calls of a function, or of a path."""
    return sum(fnmatchcase(call, operation) for call in calls)
