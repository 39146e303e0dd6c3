"""Making accounts: what is sent, what becomes of a bad row and of a lost answer, and when a plan asks for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from moodle_sync.changes import ChangePlan, EnrolmentChange, GroupChange, Note, Reason, UserChange
from moodle_sync.client import MoodleClient
from moodle_sync.events import OwnedEvent
from moodle_sync.guard import Limits, review
from moodle_sync.new_users import NewAccount, make_users, new_account
from moodle_sync.observe import read_observed
from moodle_sync.outcomes import GIVE_UP_AFTER, Outcome
from moodle_sync.plan import Kind, leave_out, make_plan
from moodle_sync.roster import Desired, DesiredEnrolment, DesiredPerson, Role
from moodle_sync.sandbox import Sandbox

from .nights import ENDS, NOW, STARTS, Memory, course_of, desire

CREATE = "core_user_create_users"
Connect = Callable[..., MoodleClient]


def account(number: int, email: str | None = None, auth: str = "manual") -> NewAccount:
    made = new_account(
        last_name=f"Новая {number}",
        first_name="Дина Петровна",
        email=email or f"New{number}@example.org",
        idnumber=f"N-{number}",
        auth=auth,
    )
    assert made is not None
    return made


def plan_of(*keys: int) -> ChangePlan:
    return ChangePlan([UserChange(Kind.CREATE_USER, key, ()) for key in keys])


def make(client: MoodleClient, accounts: dict[int, NewAccount]) -> tuple[dict[int, int], dict[int, Outcome]]:
    memory = Memory()
    made = make_users(client, plan_of(*accounts), accounts, memory)
    outcomes = {outcome.change.person_key: outcome for outcome in memory.outcomes}  # type: ignore[union-attr]
    assert len(outcomes) == len(memory.outcomes) == len(accounts)  # each exactly once
    return made, outcomes


def users_called(moodle: Sandbox, username: str) -> list[int]:
    return [user.id for user in moodle.state.users.values() if user.username == username]


def test_accounts_are_made_with_all_that_is_known(moodle: Sandbox, client: MoodleClient) -> None:
    made, outcomes = make(client, {1: account(1), 2: account(2, auth="ldap")})
    user = moodle.state.users[made[1]]
    assert (user.username, user.email, user.idnumber, user.auth) == (
        "new1@example.org", "New1@example.org", "N-1", "manual",
    )  # fmt: skip
    assert (user.lastname, user.firstname) == ("Новая 1", "Дина Петровна")
    assert moodle.state.users[made[2]].auth == "ldap"
    assert all(outcome.done and outcome.account is not None for outcome in outcomes.values())


@pytest.mark.parametrize("bad", [account(5, auth="nosuch"), account(5, "new1@example.org")])
def test_a_bad_row_fails_alone(moodle: Sandbox, client: MoodleClient, bad: NewAccount) -> None:
    accounts = {number: account(number) for number in range(1, 9)} | {5: bad}
    made, outcomes = make(client, accounts)
    assert made.keys() == accounts.keys() - {5}
    assert (outcomes[5].errorcode, outcomes[5].account) == ("invalidparameter", None)
    assert "service's user isn't shown" in outcomes[5].remedy


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "drop_before", "drop_after", "html", "http500"])
def test_a_lost_answer_makes_nobody_twice_and_loses_nobody(moodle: Sandbox, client: MoodleClient, fault: str) -> None:
    moodle.faults.set(f"{fault}@{CREATE}#1")
    made, _outcomes = make(client, {number: account(number) for number in range(1, 6)})
    assert made.keys() == set(range(1, 6))
    for number in range(1, 6):
        assert users_called(moodle, f"new{number}@example.org") == [made[number]]


def test_answers_that_are_always_lost_end_the_sending(moodle: Sandbox, connect: Connect) -> None:
    client = connect(max_input_vars=12)  # one row a call
    moodle.faults.set(f"drop_before@{CREATE}")
    made, outcomes = make(client, {number: account(number) for number in range(1, 7)})
    assert made == {}
    codes = [outcomes[number].errorcode for number in range(1, 7)]
    assert codes == ["outcome_unknown"] * 2 + ["not_tried"] * 4
    assert moodle.calls.count(CREATE) == GIVE_UP_AFTER


def test_what_nobody_may_do_is_not_tried_row_by_row(moodle: Sandbox, client: MoodleClient) -> None:
    moodle.state.site.refused_functions.append(CREATE)
    made, outcomes = make(client, {number: account(number) for number in range(1, 9)})
    assert made == {}
    assert {outcome.errorcode for outcome in outcomes.values()} == {"nopermissions"}
    assert moodle.calls.count(CREATE) == 1


def test_a_username_of_somebody_else_is_not_taken_for_ours(moodle: Sandbox, client: MoodleClient) -> None:
    moodle.state.change_user(moodle.state.users[103], {"username": "new1@example.org"})
    moodle.faults.set(f"drop_before@{CREATE}#1")
    made, outcomes = make(client, {1: account(1)})
    assert made == {}
    assert not outcomes[1].done


@pytest.mark.parametrize(
    ("email", "idnumber", "username"),
    [
        ("Anna.P@Example.org", "", "anna.p@example.org"),
        ("anna+moodle@example.org", "SN-7", "sn-7"),
        ("anna+moodle@example.org", "Н-7", None),
        ("", "SN-7", None),
        ("a" * 90 + "@example.org", "SN-7", None),
    ],
)
def test_usernames_are_what_moodle_takes(email: str, idnumber: str, username: str | None) -> None:
    made = new_account(last_name="П", first_name="Анна", email=email, idnumber=idnumber, auth="manual")
    assert (made and made.username) == username


def test_nobody_without_a_name_gets_an_account() -> None:
    assert new_account(last_name=" ", first_name="Анна", email="a@example.org", idnumber="", auth="manual") is None


# --- planning ------------------------------------------------------------------------------------------------------


def two_unknown(moodle: Sandbox) -> Desired:
    """Want somebody whom Moodle has no trace of, and somebody whose e-mail is another's."""
    people = [
        DesiredPerson(1, None, "NEW-1", "nobody@example.org"),
        DesiredPerson(2, None, "NEW-2", "u3@example.org"),
        DesiredPerson(3, None, None, "nobody3@example.org"),
    ]
    enrolments = [DesiredEnrolment("INTAKE-1", key, Role.TRAINEE, STARTS, ENDS) for key in (1, 2)]
    return Desired([course_of(moodle)], people, enrolments)


def test_accounts_are_planned_only_for_people_without_a_trace_who_are_to_be_enrolled(
    moodle: Sandbox, client: MoodleClient
) -> None:
    desired = two_unknown(moodle)
    observed = read_observed(client, desired, [], now=NOW)
    plan = make_plan(desired, [], observed, new_users={1, 2, 3})
    assert [change for change in plan.changes if change.kind is Kind.CREATE_USER] == [
        UserChange(Kind.CREATE_USER, 1, (), Reason.NOBODY_MATCHES)
    ]
    assert plan.changes[0].kind is Kind.CREATE_USER
    assert {note.subject for note in plan.notes if note.code == "person_not_found"} == {2, 3}
    assert ChangePlan.from_json(plan.to_json()) == plan
    assert make_plan(desired, [], observed).counts().get(Kind.CREATE_USER) is None


def test_courses_of_new_users_count_as_written_to() -> None:
    assert ChangePlan([UserChange(Kind.CREATE_USER, 1, (7, 9))]).course_ids == {7, 9}


def test_too_many_new_accounts_are_held() -> None:
    limits = Limits(new_users=2)
    assert not review(plan_of(1, 2), limits).held
    (reason,) = review(plan_of(1, 2, 3), limits).reasons
    assert (reason.code, reason.people, reason.of) == ("creates_many", 3, 2)


def test_nobody_is_enrolled_by_an_account_that_is_not_shown_and_nobody_else_is_left_out(
    moodle: Sandbox, client: MoodleClient
) -> None:
    desired = desire(moodle, 1, 2, 3)
    plan = make_plan(desired, [], read_observed(client, desired, [], now=NOW))
    left = leave_out(plan, {102})
    enrolled = [change.user_id for change in left.changes if change.kind is Kind.ENROL]  # type: ignore[union-attr]
    assert enrolled == [101, 103]
    assert left.id != plan.id
    assert leave_out(plan, ()) is plan


def test_only_enrolling_needs_an_account_that_is_shown() -> None:
    kinds = (Kind.UPDATE_ENROLMENT, Kind.REACTIVATE, Kind.SUSPEND)
    kept = [EnrolmentChange(kind, "INTAKE-1", 5, 101, Role.TRAINEE, STARTS, ENDS) for kind in kinds]
    notes = [Note("removed_by_hand", "INTAKE-1", 101, "gone"), Note("removed_by_hand", "INTAKE-1", 102, "gone")]
    left = leave_out(ChangePlan([*kept, kept[0]._replace(kind=Kind.ENROL)], notes), {101})
    assert (left.changes, left.notes) == (kept, notes[1:])


def test_who_is_left_out_is_put_into_no_group_and_events_stay_remembered() -> None:
    into = GroupChange(Kind.ADD_TO_GROUP, "INTAKE-1", 5, 9, 101, "1")
    kept = [into._replace(user_id=102), into._replace(kind=Kind.REMOVE_FROM_GROUP)]
    events = [OwnedEvent(5, 1, 2, STARTS, "digest", False)]
    left = leave_out(ChangePlan([into, *kept], events=events), {101})
    assert (left.changes, left.events) == (kept, events)


@pytest.mark.parametrize(
    "values", [{"idnumber": "N-1"}, {"email": "new1@example.org"}, {"email": "New1@example.org"}], ids=str
)
def test_who_is_there_after_all_gets_no_second_account(
    moodle: Sandbox, client: MoodleClient, values: dict[str, str]
) -> None:
    moodle.state.change_user(moodle.state.users[103], values)
    made, outcomes = make(client, {1: account(1), 2: account(2)})
    assert outcomes[1].errorcode == "there_after_all"
    assert made.keys() == {2}
    assert users_called(moodle, "new1@example.org") == []


def test_a_moodle_that_shows_nobody_makes_nobody(moodle: Sandbox, client: MoodleClient) -> None:
    moodle.faults.set("empty@core_user_get_users_by_field")
    made, outcomes = make(client, {1: account(1), 2: account(2)})
    assert made == {}
    assert {outcome.errorcode for outcome in outcomes.values()} == {"there_after_all"}
    assert CREATE not in moodle.calls


def test_where_the_second_look_fails_nobody_is_made(moodle: Sandbox, client: MoodleClient) -> None:
    moodle.faults.set("http500@core_user_get_users_by_field")
    made, outcomes = make(client, {1: account(1)})
    assert made == {}
    assert outcomes[1].certain_failure
    assert CREATE not in moodle.calls
