"""The commands about people, as an administrator types them."""

from __future__ import annotations

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.people.models import MoodleAccount, Person, PersonQuestion, RoleGrant
from tests.lti_app.world import NOW, World


class People:
    """Type commands that begin with ``people``."""

    def __init__(self, app: Flask, world: World) -> None:
        self.runner = app.test_cli_runner()
        self.moodle = world.moodle.name

    def __call__(self, command: str, *words: object) -> Result:
        moodle = [] if command in ("list", "questions") else [self.moodle]
        return self.runner.invoke(args=["people", command, *moodle, *map(str, words)])

    def good(self, command: str, *words: object) -> str:
        result = self(command, *words)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        world = World(session)
        world.leader.moodle_idnumber = "LEAD-1"
        return world


@pytest.fixture
def people(app: Flask, world: World) -> People:
    return People(app, world)


def ties(database: Database) -> list[tuple[int, int, str]]:
    with database.session(writes=False) as session:
        rows = session.scalars(select(MoodleAccount).order_by(MoodleAccount.user_id))
        return [(row.user_id, row.person_id, row.matched_by) for row in rows]


def audited(database: Database) -> list[str]:
    with database.session(writes=False) as session:
        return [f"{entry.actor_name} {entry.action}" for entry in session.scalars(select(AuditEntry))]


@pytest.mark.parametrize("name", ["LEAD-1", "leader-a@example.org", "Leader-A@Example.org"])
def test_a_person_is_tied_by_number_or_email(people: People, world: World, database: Database, name: str) -> None:
    said = people.good("tie", 7, name)

    assert "Руководителева Раиса" in said
    assert ties(database) == [(7, world.leader.id, "person")]
    assert audited(database) == ["system tie_account"]


def test_tying_again_changes_nothing(people: People, database: Database) -> None:
    people.good("tie", 7, "LEAD-1")
    before = ties(database)

    assert "was known already" in people.good("tie", 7, "LEAD-1")
    assert ties(database) == before
    assert len(audited(database)) == 1


def test_a_user_or_a_person_that_is_tied_already_is_refused_with_what_to_do(
    people: People, world: World, database: Database
) -> None:
    with database.transaction() as session:
        session.add(Person(last_name="Другая", first_name="Дарья", email="other@example.org"))
    people.good("tie", 7, "LEAD-1")

    of_user, of_person = people("tie", 7, "other@example.org"), people("tie", 8, "LEAD-1")

    assert (of_user.exit_code, of_person.exit_code) == (64, 64)
    assert "people untie MOODLE 7" in of_user.output
    assert "people untie MOODLE 7" in of_person.output
    assert ties(database) == [(7, world.leader.id, "person")]


def test_what_was_untied_can_be_tied_anew(people: People, world: World, database: Database) -> None:
    people.good("tie", 7, "LEAD-1")

    assert "Руководителева Раиса" in people.good("untie", 7)
    assert ties(database) == []
    people.good("tie", 8, "LEAD-1")
    assert ties(database) == [(8, world.leader.id, "person")]
    assert audited(database) == ["system tie_account", "system untie_account", "system tie_account"]


@pytest.mark.parametrize("words", [("tie", 7, "nobody@example.org"), ("untie", 7)])
def test_nobody_is_tied_or_untied_by_mistake(people: People, words: tuple[str, ...]) -> None:
    result = people(*words)

    assert result.exit_code == 64
    assert result.output.startswith("Error: ")


def test_a_name_that_is_two_peoples_ties_neither(people: People, database: Database) -> None:
    with database.transaction() as session:
        session.add(Person(last_name="Другая", first_name="Дарья", moodle_idnumber="leader-a@example.org"))

    assert people("tie", 7, "leader-a@example.org").exit_code == 64
    assert ties(database) == []


def test_a_role_is_granted_listed_and_revoked(people: People, database: Database) -> None:
    people.good("tie", 7, "LEAD-1")
    people.good("grant", 7, "centre")
    people.good("grant", 9, "administrator")

    listed = [line.split() for line in people.good("list").splitlines()]
    assert [line[:3] for line in listed] == [["moodle-a", "7", "centre"], ["moodle-a", "9", "administrator"]]
    assert listed[0][-2:] == ["Руководителева", "Раиса"]

    assert "(Руководителева Раиса) no longer is: centre specialist" in people.good("revoke", 7, "centre")
    with database.session(writes=False) as session:
        assert [row.user_id for row in session.scalars(select(RoleGrant))] == [9]
    assert audited(database)[-1] == "system revoke_role"


def test_a_role_for_somebody_known_is_granted_under_their_name(people: People) -> None:
    people.good("tie", 7, "LEAD-1")

    granted, again = people("grant", 7, "centre"), people("grant", 7, "centre")

    assert granted.stdout == "user 7 of moodle-a (Руководителева Раиса) is now: centre specialist\n"
    assert again.stdout == "user 7 of moodle-a (Руководителева Раиса) already was: centre specialist\n"
    assert granted.stderr + again.stderr == ""


def test_a_role_for_a_number_that_nobody_has_yet_is_granted_with_a_word_of_warning(
    people: People, database: Database
) -> None:
    granted = people("grant", 99999, "administrator")

    assert granted.exit_code == 0
    assert granted.stdout == "user 99999 of moodle-a is now: administrator\n"
    (warning,) = granted.stderr.splitlines()
    assert "first launch" in warning
    assert "http://localhost/a/user/profile.php?id=99999" in warning
    assert "people revoke moodle-a 99999 administrator" in warning
    with database.session(writes=False) as session:
        assert [row.user_id for row in session.scalars(select(RoleGrant))] == [99999]


def test_a_role_that_is_not_held_is_not_revoked(people: People, database: Database) -> None:
    people.good("grant", 7, "centre")

    for words in ((7, "administrator"), (8, "centre")):
        result = people("revoke", *words)
        assert result.exit_code == 64
        assert "people list" in result.output
    with database.session(writes=False) as session:
        assert len(session.scalars(select(RoleGrant)).all()) == 1


def test_an_empty_list_says_who_is_administrator_all_the_same(people: People) -> None:
    assert "site administrators of Moodle" in people.good("list")


@pytest.mark.parametrize("command", [("grant", 7, "centre"), ("revoke", 7, "centre"), ("tie", 7, "x"), ("untie", 7)])
def test_an_unknown_moodle_is_named_with_those_that_are_known(people: People, command: tuple[str, ...]) -> None:
    people.moodle = "village"

    result = people(*command)

    assert result.exit_code == 64
    assert "village" in result.output
    assert "moodle-a" in result.output


@pytest.fixture
def question(world: World, database: Database) -> int:
    """Let two users match the leader."""
    candidates = [
        {"user_id": number, "idnumber": "LEAD-1", "email": f"{number}@example.org", "full_name": f"Раиса {number}"}
        for number in (7, 8)
    ]
    with database.transaction() as session:
        row = PersonQuestion(
            moodle_id=world.moodle.id,
            person_id=world.leader.id,
            reason="several_users",
            candidates=candidates,
            opened_at=NOW,
        )
        session.add(row)
        session.flush()
        return row.id


def test_questions_are_listed_with_the_users_that_match(people: People, question: int) -> None:
    said = people.good("questions")

    assert "LEAD-1  Руководителева Раиса: several users match" in said
    assert "  8  Раиса 8  LEAD-1  8@example.org" in said
    assert "people answer MOODLE PERSON USER_ID" in said


def test_without_questions_it_says_so(people: People) -> None:
    assert people.good("questions").strip() == "nothing is to be decided"


def test_an_answer_ties_and_is_audited(people: People, world: World, database: Database, question: int) -> None:
    assert "is now known as" in people.good("answer", "LEAD-1", 8)

    assert ties(database) == [(8, world.leader.id, "person")]
    assert audited(database) == ["system tie_account", "system decide_person"]
    assert people.good("questions").strip() == "nothing is to be decided"


def test_none_of_them_ties_nobody(people: People, database: Database, question: int) -> None:
    assert "is none of these users" in people.good("answer", "LEAD-1", "none")

    assert ties(database) == []
    assert people.good("questions").strip() == "nothing is to be decided"
    again = people("answer", "LEAD-1", "none")
    assert (again.exit_code, "decided already, by system" in again.output) == (64, True)


@pytest.mark.parametrize(("answer", "told"), [("9", "none of those who match"), ("somebody", "somebody"), ("0", "0")])
def test_an_answer_that_is_no_candidate_is_refused(
    people: People, database: Database, question: int, answer: str, told: str
) -> None:
    refused = people("answer", "LEAD-1", answer)

    assert refused.exit_code == 64
    assert told in refused.output
    assert ties(database) == []


def test_nothing_is_to_be_decided_about_others(people: People, world: World) -> None:
    refused = people("answer", "LEAD-1", 7)

    assert refused.exit_code == 64
    assert "Nothing is to be decided about Руководителева Раиса" in refused.output
