"""People of a night: questions about who is who, accounts made, names taken over, accounts that are gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import SYSTEM, Actor, Role
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount, Person, PersonQuestion, RoleGrant
from lti_app.people.service import untie_account
from lti_app.sync import accounts, looking
from lti_app.sync.models import RunStatus, SyncChange
from lti_app.sync.night import NightResult
from lti_app.sync.questions import decide, fingerprint, open_questions
from moodle_sync import observe
from moodle_sync.sandbox import Sandbox, actions
from moodle_sync.sandbox.state import User
from tests.conftest import MovableClock
from tests.lti_app.sync.conftest import PEOPLE
from tests.lti_app.sync.test_night import courses_named, roster_of
from tests.lti_app.world import NOW

Night = Callable[..., NightResult]
ANNA = "person-a-1@example.org"


def person(database: Database, email: str = ANNA) -> Person:
    with database.session(writes=False) as session:
        return session.scalars(select(Person).where(Person.email == email)).one()


def change_person(database: Database, email: str = ANNA, /, **values: Any) -> None:
    with database.transaction() as session:
        found = session.scalars(select(Person).where(Person.email == email)).one()
        for name, value in values.items():
            setattr(found, name, value)


def user(sandbox: Sandbox, email: str = ANNA) -> User:
    return next(one for one in sandbox.state.users.values() if one.email == email)


def change_user(sandbox: Sandbox, email: str = ANNA, /, **values: Any) -> None:
    sandbox.state.change_user(user(sandbox, email), values)


def remove(sandbox: Sandbox, email: str = ANNA) -> User:
    """Delete a user, as Moodle does: gone from every course too."""
    gone = user(sandbox, email)
    sandbox.state.change_user(gone, {"username": "", "idnumber": "", "email": ""})
    del sandbox.state.users[gone.id]
    for names in sandbox.state.user_index.values():
        for ids in names.values():
            ids.discard(gone.id)
    for people in sandbox.state.enrolments.values():
        people.pop(gone.id, None)
    return gone


def questions(database: Database) -> Sequence[PersonQuestion]:
    with database.session(writes=False) as session:
        return open_questions(session, actor=SYSTEM, with_candidates=True)


def the_question(database: Database) -> PersonQuestion:
    (question,) = questions(database)
    return question


def answer(database: Database, user_id: int | None, *, actor: Actor = SYSTEM, **changes: Any) -> PersonQuestion:
    question = the_question(database)
    given = {"question_id": question.id, "seen": fingerprint(question.candidates), **changes}
    with database.transaction() as session:
        return decide(session, user_id=user_id, actor=actor, now=NOW, **given)


def enlist(database: Database, email: str) -> None:
    """Put one more trainee on the list of the intake."""
    with database.transaction() as session:
        known = session.scalar(select(Person).where(Person.email == email))
        session.add(
            Trainee(
                intake=session.scalars(select(Intake)).one(),
                person=known or Person(last_name="Новая", first_name="Дина", email=email),
                state=TraineeState.ENROLLED,
                enrolled_at=NOW,
            )
        )


def notes(result: NightResult) -> set[tuple[str, int]]:
    return {(note["code"], note["subject"]) for note in result.report["notes"]}


def codes(result: NightResult) -> set[str]:
    return {note["code"] for note in result.report["notes"]}


def audited(database: Database, action: str) -> list[dict[str, Any]]:
    with database.session(writes=False) as session:
        return [entry.changes for entry in session.scalars(select(AuditEntry).where(AuditEntry.action == action))]


@pytest.fixture
def twins(sandbox: Sandbox, database: Database, moodle_id: int) -> tuple[int, int]:
    """Let two users of Moodle have the number of one trainee."""
    change_person(database, moodle_idnumber="SN-1")
    change_user(sandbox, idnumber="SN-1")
    change_user(sandbox, "stranger@example.org", idnumber="SN-1")
    return user(sandbox).id, user(sandbox, "stranger@example.org").id


# --- questions -----------------------------------------------------------------------------------------------------


def test_several_users_are_asked_about_with_what_moodle_says_of_them(
    night: Night, database: Database, twins: tuple[int, int]
) -> None:
    result = night()
    question = the_question(database)
    assert (question.reason, question.person_id, question.opened_at) == (
        "several_users", person(database).id, NOW,
    )  # fmt: skip
    assert question.candidates == [
        {"user_id": twins[0], "idnumber": "SN-1", "email": ANNA, "full_name": "Анна Стажёрова001"},
        {"user_id": twins[1], "idnumber": "SN-1", "email": "stranger@example.org", "full_name": "Глеб Орлов"},
    ]
    assert ("person_not_found", question.person_id) in notes(result)
    assert result.report["counts"]["enrol"]["done"] == PEOPLE  # all but her


def test_a_rehearsal_asks_nothing(night: Night, database: Database, twins: tuple[int, int]) -> None:
    night(dry_run=True)
    assert questions(database) == []


def test_whoever_is_chosen_is_enrolled_the_next_night(
    night: Night, sandbox: Sandbox, database: Database, twins: tuple[int, int]
) -> None:
    night()
    answer(database, twins[1])
    with database.session(writes=False) as session:
        account = session.scalars(select(MoodleAccount).where(MoodleAccount.user_id == twins[1])).one()
        assert (account.person_id, account.matched_by) == (person(database).id, "person")
    assert audited(database, "decide_person") == [{"user_id": [None, twins[1]], "candidates": [None, list(twins)]}]
    result = night()
    assert result.report["counts"] == {"enrol": {"planned": 1, "done": 1, "failed": 0}}
    assert "person_not_found" not in codes(result)
    (course_id,) = courses_named(sandbox, "intake-a")
    assert twins[1] in roster_of(sandbox, course_id).active
    assert questions(database) == []


def test_what_is_decided_while_moodle_is_read_stands(
    night: Night, database: Database, twins: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    night()
    read = observe.read_observed

    def decided_meanwhile(*arguments: Any, **options: Any) -> Any:
        seen = read(*arguments, **options)
        answer(database, twins[1])
        return seen

    monkeypatch.setattr("lti_app.sync.looking.read_observed", decided_meanwhile)
    night()
    assert questions(database) == []
    with database.session(writes=False) as session:
        assert session.scalars(select(PersonQuestion)).one().user_id == twins[1]


def test_none_of_them_is_asked_again_only_if_other_users_match(
    night: Night, sandbox: Sandbox, database: Database, twins: tuple[int, int]
) -> None:
    night()
    answer(database, None)
    result = night()
    assert questions(database) == []
    (note,) = [note for note in result.report["notes"] if note["code"] == "person_not_found"]
    assert note["text"] == "none of the users that match, as was decided"
    change_user(sandbox, lastname="Стажёрова-Орлова")  # a name is no other user
    night()
    assert questions(database) == []
    sandbox.state.add_user(User(900, "third", "Третья", "Анна", "third@example.org", "SN-1"))
    night()
    question = the_question(database)
    assert (len(question.candidates), question.decided_by, question.user_id) == (3, None, None)


def test_a_question_closes_by_itself_and_what_was_decided_stands_if_it_comes_back(
    night: Night, sandbox: Sandbox, database: Database, twins: tuple[int, int]
) -> None:
    night()
    answer(database, None)
    change_person(database, moodle_idnumber=None, email="nobody@example.org")
    night()
    with database.session(writes=False) as session:
        missing = open_questions(session, actor=SYSTEM, with_candidates=False)
        assert [question.reason for question in missing] == ["no_user"]
    change_person(database, "nobody@example.org", moodle_idnumber="SN-1", email=ANNA)
    night()  # other users match than before: nobody did
    assert len(questions(database)) == 1
    change_user(sandbox, "stranger@example.org", idnumber="")
    night()
    assert questions(database) == []
    assert "person_not_found" not in codes(night())


def test_an_answer_that_was_taken_back_is_asked_for_again(
    night: Night, database: Database, twins: tuple[int, int], moodle_id: int
) -> None:
    night()
    answer(database, twins[0])
    with database.transaction() as session:
        untie_account(session, moodle_id=moodle_id, user_id=twins[0], actor=SYSTEM, now=NOW)
    night()
    assert the_question(database).user_id is None


def test_the_second_of_two_administrators_is_told(night: Night, database: Database, twins: tuple[int, int]) -> None:
    night()
    question = the_question(database)
    answer(database, twins[0])
    with database.transaction() as session, pytest.raises(Conflict) as told:
        decide(
            session,
            question_id=question.id,
            user_id=twins[1],
            seen=fingerprint(question.candidates),
            actor=SYSTEM,
            now=NOW,
        )
    assert (told.value.code, "system" in str(told.value.message)) == ("decided_already", True)
    with database.session(writes=False) as session:
        assert session.get_one(PersonQuestion, question.id).user_id == twins[0]


def test_what_was_decided_on_other_candidates_is_refused(
    night: Night, database: Database, twins: tuple[int, int]
) -> None:
    night()
    for values in ({"seen": "0123"}, {"seen": ""}):
        with pytest.raises(Conflict) as told:
            answer(database, None, **values)
        assert told.value.code == "question_changed"
    with pytest.raises(DomainError) as told_of_stranger:
        answer(database, 999)
    assert told_of_stranger.value.code == "no_candidate"
    with pytest.raises(NotFound):
        answer(database, None, question_id=987654)
    assert the_question(database).decided_at is None


def test_a_user_who_is_somebody_else_can_not_be_chosen(
    night: Night, database: Database, twins: tuple[int, int]
) -> None:
    night()
    with database.transaction() as session:
        other = session.scalars(select(MoodleAccount)).first()
        assert other is not None
        other.user_id = twins[1]
    with pytest.raises(Conflict) as told:
        answer(database, twins[1])
    assert told.value.code == "user_is_tied"
    assert the_question(database).decided_at is None


@pytest.mark.parametrize("role", [Role.CENTRE, Role.LEADER, Role.TRAINEE, Role.COUNCIL])
def test_only_administrators_decide(night: Night, database: Database, twins: tuple[int, int], role: Role) -> None:
    night()
    actor = Actor(None, "somebody", moodle_id=1, roles=frozenset({role}))
    with pytest.raises(Forbidden):
        answer(database, None, actor=actor)


def test_an_administrator_of_another_moodle_finds_no_such_question(
    night: Night, database: Database, twins: tuple[int, int]
) -> None:
    night()
    actor = Actor(None, "Чужая", moodle_id=987, roles=frozenset({Role.ADMINISTRATOR}))
    with database.session(writes=False) as session:
        for with_candidates in (True, False):
            assert open_questions(session, actor=actor, with_candidates=with_candidates) == []
    with pytest.raises(NotFound):
        answer(database, None, actor=actor)


# --- accounts that are made ----------------------------------------------------------------------------------------


def allow(database: Database, *, auth: str = "manual") -> None:
    with database.transaction() as session:
        moodle = session.scalars(select(Moodle)).one()
        moodle.creates_users, moodle.new_user_auth = True, auth


def lose_users(sandbox: Sandbox, count: int) -> None:
    for number in range(1, count + 1):
        remove(sandbox, f"person-a-{number}@example.org")


def test_no_account_is_made_unless_the_setting_allows_it(night: Night, sandbox: Sandbox) -> None:
    lose_users(sandbox, 1)
    before = len(sandbox.state.users)
    assert "create_user" not in night().report["counts"]
    assert len(sandbox.state.users) == before


def test_people_whom_moodle_lacks_get_accounts_and_are_enrolled_in_the_same_night(
    night: Night, sandbox: Sandbox, database: Database
) -> None:
    allow(database)
    change_person(database, middle_name="Петровна")
    lose_users(sandbox, 3)
    rehearsal = night(dry_run=True)
    assert rehearsal.report["counts"]["create_user"]["planned"] == 3
    result = night()
    assert result.status is RunStatus.DONE, result.report
    assert result.report["plan"] == rehearsal.report["plan"]
    assert result.report["counts"] == {
        "create_user": {"planned": 3, "done": 3, "failed": 0},
        "create_course": {"planned": 1, "done": 1, "failed": 0},
        "enrol": {"planned": PEOPLE + 1, "done": PEOPLE + 1, "failed": 0},
    }
    assert user(sandbox).firstname == "Анна Петровна"
    with database.session(writes=False) as session:
        made = session.scalars(select(MoodleAccount).where(MoodleAccount.matched_by == "created")).all()
        assert len(made) == 3
        assert {account.seen_email for account in made} >= {ANNA}
        assert open_questions(session, actor=SYSTEM, with_candidates=False) == []
    assert len(audited(database, "create_account")) == 3
    quiet = night()
    assert quiet.report["counts"] == {}
    assert codes(quiet) == set()


def test_new_people_of_a_course_that_is_remembered_are_enrolled_too(
    night: Night, sandbox: Sandbox, database: Database
) -> None:
    allow(database)
    change_person(database, email="late@example.org")
    with database.transaction() as session:  # Moodle's user has another e-mail, so nobody is found
        session.scalars(select(Moodle)).one().creates_users = False
    night()
    night()
    allow(database)
    counts = night().report["counts"]
    assert counts == {
        "create_user": {"planned": 1, "done": 1, "failed": 0},
        "enrol": {"planned": 1, "done": 1, "failed": 0},
    }
    assert night().report["counts"] == {}


def test_an_account_that_moodle_refuses_fails_alone(night: Night, sandbox: Sandbox, database: Database) -> None:
    allow(database)
    lose_users(sandbox, 3)
    taken = user(sandbox, "stranger@example.org")
    sandbox.state.change_user(taken, {"username": ANNA})
    result = night()
    assert result.status is RunStatus.FAILED_SOME
    assert result.report["counts"]["create_user"] == {"planned": 3, "done": 2, "failed": 1}
    assert result.report["counts"]["enrol"] == {"planned": PEOPLE, "done": PEOPLE, "failed": 0}
    (failure,) = result.report["failures"]
    assert failure["change"] == f"create_user person {person(database).id}"
    with database.session(writes=False) as session:
        (missing,) = open_questions(session, actor=SYSTEM, with_candidates=False)
        assert missing.person_id == person(database).id


def test_too_many_new_accounts_wait_for_approval(night: Night, sandbox: Sandbox, database: Database) -> None:
    allow(database)
    for number in range(51):
        enlist(database, f"new{number}@example.org")
    held = night()
    assert held.status is RunStatus.HELD
    assert [reason["code"] for reason in held.report["held"]] == ["creates_many"]
    assert not [one for one in sandbox.state.users.values() if one.lastname == "Новая"]
    done = night(approve=True)
    assert done.report["plan"] == held.report["plan"]
    assert done.report["counts"]["create_user"]["done"] == 51
    assert done.report["counts"]["enrol"]["done"] == PEOPLE + 1 + 51


def test_where_moodle_shows_nobody_any_more_no_account_is_made(
    night: Night, sandbox: Sandbox, database: Database
) -> None:
    night()
    allow(database)
    enlist(database, "new@example.org")
    lose_users(sandbox, PEOPLE)
    counts = night(dry_run=True).report["counts"]
    assert counts["create_user"]["planned"] == 1  # the leader is shown still
    remove(sandbox, "leader-a@example.org")
    (course_id,) = courses_named(sandbox, "intake-a")
    actions.enrol(sandbox.state, course_id, user(sandbox, "stranger@example.org").id, 5)  # the roster is not empty
    result = night()
    assert "create_user" not in result.report["counts"]
    assert {"account_not_shown", "person_not_found"} <= codes(result)


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_a_lost_answer_makes_nobody_twice(night: Night, sandbox: Sandbox, database: Database, fault: str) -> None:
    allow(database)
    lose_users(sandbox, 2)
    sandbox.faults.set(f"{fault}@core_user_create_users#1")
    night()
    assert night().report["counts"] == {}
    assert len([one for one in sandbox.state.users.values() if one.email == ANNA]) == 1


# --- names and e-mails ---------------------------------------------------------------------------------------------


def week(night: Night, clock: MovableClock) -> list[NightResult]:
    """Do as many nights as it takes to look at every account."""
    results = []
    for _night in range(8):
        clock.move(days=1)
        results.append(night())
    return results


def noted(results: list[NightResult], code: str) -> int:
    return sum(note["code"] == code for result in results for note in result.report["notes"])


def test_a_name_that_changed_in_moodle_is_taken_over(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    change_user(sandbox, lastname="Замужняя")
    results = week(night, clock)
    assert person(database).last_name == "Замужняя"
    assert noted(results, "name_taken_over") == 1
    assert audited(database, "take_over_name") == [{"last_name": ["Стажёрова001", "Замужняя"]}]


def test_a_name_that_was_mended_in_the_lists_stays_and_is_noted_once(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    change_person(database, last_name="Верная")
    assert noted(week(night, clock), "name_differs") == 0  # ours changed, Moodle's didn't
    change_user(sandbox, lastname="Другая")
    results = week(night, clock) + week(night, clock)
    assert person(database).last_name == "Верная"
    assert noted(results, "name_differs") == 1


@pytest.mark.parametrize(
    ("middle", "before", "after", "ours"),
    [
        ("Ивановна", "Анна Ивановна", "Анна Ивановна", ("Анна", "Ивановна")),
        ("Ивановна", "Анна", "Анна Ивановна", ("Анна", "Ивановна")),
        ("Ивановна", "Анна Ивановна", "Алла Петровна", ("Алла", "Петровна")),
        ("Ивановна", "Анна", "Алла", ("Алла", "Ивановна")),
        (None, "Анна", "Анна Мария", ("Анна Мария", None)),
    ],
)
def test_moodles_first_name_may_hold_the_middle_name(
    night: Night,
    sandbox: Sandbox,
    database: Database,
    clock: MovableClock,
    middle: str | None,
    before: str,
    after: str,
    ours: tuple[str, str | None],
) -> None:
    change_person(database, middle_name=middle)
    change_user(sandbox, firstname=before)
    assert "name_differs" not in codes(night())
    change_user(sandbox, firstname=after)
    results = week(night, clock)
    known = person(database)
    assert (known.first_name, known.middle_name) == ours
    assert noted(results, "name_differs") == 0
    assert noted(results, "name_taken_over") == (("Анна", middle) != ours)


def test_an_email_that_changed_in_moodle_is_taken_over(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    change_user(sandbox, email="anna.new@example.org")
    results = week(night, clock)
    assert noted(results, "email_taken_over") == 1
    assert person(database, "anna.new@example.org").last_name == "Стажёрова001"
    assert audited(database, "take_over_email") == [{"email": [ANNA, "anna.new@example.org"]}]


def test_another_case_is_no_other_email(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    change_user(sandbox, email=ANNA.upper())
    results = week(night, clock)
    assert person(database).email == ANNA
    assert noted(results, "email_taken_over") == noted(results, "email_differs") == 0


@pytest.mark.parametrize("how", ["leads", "holds a role"])
def test_the_email_of_somebody_with_power_is_never_taken_over(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock, moodle_id: int, how: str
) -> None:
    night()
    email = "leader-a@example.org" if how == "leads" else ANNA
    if how == "holds a role":
        with database.transaction() as session:
            session.add(
                RoleGrant(moodle_id=moodle_id, user_id=user(sandbox).id, role=Role.ADMINISTRATOR, granted_at=NOW)
            )
    change_user(sandbox, email, email="thief@example.org")
    results = week(night, clock)
    assert person(database, email).id
    assert (noted(results, "email_differs"), noted(results, "email_taken_over")) == (1, 0)


def test_an_email_that_another_person_has_is_not_taken_over(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    with database.transaction() as session:
        session.add(Person(last_name="Орлов", first_name="Глеб", email="Orlov@example.org"))
    change_user(sandbox, email="orlov@example.org")
    results = week(night, clock)
    assert person(database).email == ANNA
    assert noted(results, "email_differs") == 1


def test_what_moodle_does_not_show_is_not_compared(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    change_user(sandbox, email="", lastname="")
    results = week(night, clock)
    assert person(database).last_name == "Стажёрова001"
    assert noted(results, "name_differs") == noted(results, "email_differs") == 0


def test_few_accounts_are_looked_at_a_night(
    night: Night, sandbox: Sandbox, parts: Tool, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    night()
    asked: list[int] = []
    read = accounts.read_accounts
    monkeypatch.setattr(accounts, "read_accounts", lambda client, ids: asked.extend(ids) or read(client, ids))
    week(night, clock)
    assert len(set(asked)) == PEOPLE + 1  # everybody within a week
    assert len(asked) == 8 * 2


@pytest.mark.parametrize(("days", "is_asked"), [(6, False), (8, True)])
def test_who_is_about_to_be_enrolled_is_asked_for_unless_shown_lately(
    night: Night,
    sandbox: Sandbox,
    database: Database,
    moodle_id: int,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    is_asked: bool,
) -> None:
    night()
    enlist(database, "stranger@example.org")
    stranger = user(sandbox, "stranger@example.org").id
    with database.transaction() as session:
        who = session.scalars(select(Person).where(Person.email == "stranger@example.org")).one()
        session.add(
            MoodleAccount(
                moodle_id=moodle_id,
                user_id=stranger,
                person_id=who.id,
                matched_by="email",
                matched_at=NOW - timedelta(days=days),
            )
        )
    monkeypatch.setattr(looking, "due_accounts", lambda *_, **__: [])
    asked: set[int] = set()
    read = accounts.read_accounts
    monkeypatch.setattr(accounts, "read_accounts", lambda client, ids: asked.update(ids) or read(client, ids))
    assert night().report["counts"] == {"enrol": {"planned": 1, "done": 1, "failed": 0}}
    assert asked == ({stranger} if is_asked else set())


def test_an_account_gone_since_it_was_shown_lately_fails_alone(
    night: Night, sandbox: Sandbox, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    night()
    remove(sandbox)
    enlist(database, "stranger@example.org")  # in the same batch
    monkeypatch.setattr(looking, "due_accounts", lambda *_, **__: [])
    result = night()
    assert result.report["counts"]["enrol"] == {"planned": 2, "done": 1, "failed": 1}
    assert [row["change"].startswith("enrol") for row in result.report["failures"]] == [True]
    assert result.report["failures"][0]["remedy"]


# --- accounts that are gone ----------------------------------------------------------------------------------------


def test_nobody_is_enrolled_by_an_account_that_is_gone_and_the_others_are(
    night: Night, sandbox: Sandbox, database: Database
) -> None:
    night()
    gone = remove(sandbox)
    enlist(database, "stranger@example.org")  # in the same batch
    for result in (night(dry_run=True), night()):
        assert result.report["failures"] == []
        assert result.report["counts"]["enrol"]["planned"] == 1
        assert ("account_not_shown", person(database).id) in notes(result)
        assert "removed_by_hand" not in codes(result)
    with database.session(writes=False) as session:
        account = session.scalars(select(MoodleAccount).where(MoodleAccount.user_id == gone.id)).one()
        assert account.not_shown_since == NOW
    assert ("account_not_shown", person(database).id) in notes(night())
    sandbox.state.add_user(User(gone.id, "back", "Анна", "Стажёрова001", ANNA))
    back = night()
    assert back.report["counts"]["enrol"]["done"] == 1
    assert "account_not_shown" not in codes(back)


def test_a_suspended_account_is_noted_and_stays_enrolled(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    change_user(sandbox, suspended=True)
    results = week(night, clock)
    assert ("account_suspended", person(database).id) in notes(results[-1])
    with database.session(writes=False) as session:
        assert not session.scalars(select(SyncChange.kind).where(SyncChange.kind == "suspend")).all()
    change_user(sandbox, suspended=False)
    assert codes(week(night, clock)[-1]) == set()
