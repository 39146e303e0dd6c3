"""The commands about Moodles, registrations and keys, as an administrator types them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.lti.models import LtiInvitation, LtiKey, LtiRegistration, Moodle
from tests.conftest import MovableClock
from tests.lti_app.lti.moodle import TOOL_URL

URL = "https://moodle.example.org"
TOKEN = "0123456789abcdef0123456789abcdef"


class Shell:
    """Type commands."""

    def __init__(self, app: Flask) -> None:
        self.runner = app.test_cli_runner()

    def __call__(self, *words: str, stdin: str = "") -> Result:
        return self.runner.invoke(args=list(words), input=stdin)

    def good(self, *words: str, stdin: str = "") -> str:
        result = self(*words, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture
def shell(app: Flask) -> Shell:
    return Shell(app)


@pytest.fixture
def with_moodle(shell: Shell) -> Shell:
    shell.good("moodle", "add", "city", "--url", f"{URL}/", stdin=f"{TOKEN}\n")
    return shell


def stored(database: Database) -> Moodle:
    with database.session(writes=False) as session:
        return session.scalars(select(Moodle)).one()


def test_a_moodle_is_stored_with_its_token_sealed(app: Flask, with_moodle: Shell, database: Database) -> None:
    moodle = stored(database)
    assert (moodle.name, moodle.url) == ("city", URL)
    assert TOKEN not in moodle.token_encrypted
    assert app.extensions["ploshchadka"].vault.open(moodle.token_encrypted) == TOKEN


def test_the_token_may_stand_in_a_file(app: Flask, shell: Shell, database: Database, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    shell.good("moodle", "add", "city", "--url", URL, "--token-file", str(tmp_path / "token"))
    assert app.extensions["ploshchadka"].vault.open(stored(database).token_encrypted) == TOKEN


def test_storing_a_moodle_again_updates_it(with_moodle: Shell, database: Database, app: Flask) -> None:
    before = stored(database)
    said = with_moodle.good("moodle", "add", "city", "--url", URL, stdin=TOKEN)
    assert "unchanged" in said
    assert stored(database).token_encrypted == before.token_encrypted
    new = "f" * 32
    words = ["moodle", "add", "city", "--url", f"{URL}/lms", "--template", "TEMPLATE", "--category", "7"]
    assert "updated" in with_moodle.good(*words, stdin=new)
    after = stored(database)
    assert (after.id, after.url, after.template_course, after.category_id) == (
        before.id,
        f"{URL}/lms",
        "TEMPLATE",
        7,
    )
    assert app.extensions["ploshchadka"].vault.open(after.token_encrypted) == new
    with database.session(writes=False) as session:
        audit = json.dumps([entry.changes for entry in session.scalars(select(AuditEntry))])
    assert new not in audit


def test_the_ids_of_moodles_roles_are_stored_and_stay_unless_told(with_moodle: Shell, database: Database) -> None:
    assert (stored(database).trainee_role_id, stored(database).leader_role_id) == (5, 3)
    with_moodle.good(
        "moodle", "add", "city", "--url", URL, "--trainee-role-id", "15", "--leader-role-id", "13", stdin=TOKEN
    )
    with_moodle.good("moodle", "add", "city", "--url", URL, "--category", "7", stdin=TOKEN)
    assert (stored(database).trainee_role_id, stored(database).leader_role_id) == (15, 13)


def test_a_template_given_by_number_is_known_at_once(with_moodle: Shell, database: Database) -> None:
    with_moodle.good("moodle", "add", "city", "--url", URL, "--template", "12", stdin=TOKEN)
    assert (stored(database).template_course, stored(database).template_course_id) == ("12", 12)


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("moodle.example.org", TOKEN),
        ("ftp://moodle.example.org", TOKEN),
        ("https://u:p@moodle.example.org", TOKEN),
        (f"{URL}/?a=1", TOKEN),
        ("https://мудл..рф", TOKEN),
        (URL, ""),
        (URL, "two words"),
    ],
)
def test_a_wrong_address_or_token_is_refused_in_a_line(shell: Shell, database: Database, url: str, token: str) -> None:
    result = shell("moodle", "add", "city", "--url", url, stdin=token)
    assert result.exit_code == os.EX_USAGE
    assert result.output.startswith("Error: ")
    with database.session(writes=False) as session:
        assert session.scalars(select(Moodle)).all() == []


def test_a_token_that_is_not_given_is_asked_for_by_the_name_of_its_option(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n", encoding="utf-8")
    for words in ([], ["--token-file", str(tmp_path / "token")]):
        result = shell("moodle", "add", "city", "--url", URL, *words, stdin="\n")
        assert result.exit_code == os.EX_USAGE
        assert "--token-file" in result.output
        assert result.output.count("\n") == 1


def test_one_address_is_one_moodle(with_moodle: Shell) -> None:
    result = with_moodle("moodle", "add", "other", "--url", URL, stdin=TOKEN)
    assert result.exit_code == os.EX_USAGE
    assert "city" in result.output


def test_an_invitation_is_an_address_of_ours_and_only_its_hash_is_kept(with_moodle: Shell, database: Database) -> None:
    address = with_moodle.good("lti", "invite", "city").splitlines()[0]
    found = re.fullmatch(rf"{TOOL_URL}/lti/register/([A-Za-z0-9_-]{{43}})", address)
    assert found is not None
    with database.session(writes=False) as session:
        assert found[1] not in session.scalars(select(LtiInvitation)).one().token_hash


def test_an_unknown_moodle_is_named_with_those_that_are_known(with_moodle: Shell) -> None:
    for words in (["lti", "invite", "village"], ["moodle", "doctor", "village"]):
        result = with_moodle(*words)
        assert result.exit_code == os.EX_USAGE
        assert "'village'" in result.output
        assert "city" in result.output


def by_hand(**other: str) -> list[str]:
    options = {
        "issuer": URL,
        "client-id": "abc",
        "deployment-id": "1",
        "auth-login-url": f"{URL}/mod/lti/auth.php",
        "auth-token-url": f"{URL}/mod/lti/token.php",
        "key-set-url": f"{URL}/mod/lti/certs.php",
    } | other
    return ["lti", "add", "city", *(part for name, value in options.items() for part in (f"--{name}", value))]


def test_a_registration_by_hand_is_stored_listed_and_told_what_moodle_needs(
    with_moodle: Shell, database: Database
) -> None:
    told = with_moodle.good(*by_hand())
    for address in ("/lti/login", "/lti/launch", "/lti/deep-link", "/lti/jwks"):
        assert f"{TOOL_URL}{address}" in told
    with_moodle.good(*by_hand())
    with_moodle.good(*by_hand(**{"client-id": "second", "deployment-id": "2"}))
    listed = with_moodle.good("lti", "list").splitlines()
    assert [line.split()[:5:4] for line in listed] == [["city", "abc"], ["city", "second"]]
    with database.session(writes=False) as session:
        assert len(session.scalars(select(LtiRegistration)).all()) == 2
        assert len(session.scalars(select(LtiKey)).all()) == 1


def states(shell: Shell) -> dict[str, str]:
    return {line.split()[4]: line.split("  ")[4].split()[0] for line in shell.good("lti", "list").splitlines()}


def test_registrations_are_disabled_and_enabled_again(
    with_moodle: Shell, database: Database, clock: MovableClock
) -> None:
    with_moodle.good(*by_hand())
    with_moodle.good(*by_hand(**{"client-id": "second", "deployment-id": "2"}))
    assert states(with_moodle) == {"abc": "enabled", "second": "enabled"}

    assert "second: disabled" in with_moodle.good("lti", "disable", "city", "--client-id", "second")
    assert states(with_moodle) == {"abc": "enabled", "second": "disabled"}
    assert with_moodle.good("lti", "disable", "city").splitlines() == ["registration of city, client abc: disabled"]
    assert states(with_moodle) == {"abc": "disabled", "second": "disabled"}
    assert "disabled already" in with_moodle.good("lti", "disable", "city")
    assert stored(database).visits_from == clock()

    assert len(with_moodle.good("lti", "enable", "city").splitlines()) == 2
    assert states(with_moodle) == {"abc": "enabled", "second": "enabled"}
    with database.session(writes=False) as session:
        actions = [entry.action for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id))][-4:]
    assert actions == [f"{verb}_registration" for verb in ("disable", "disable", "enable", "enable")]


def test_disabling_a_client_that_is_not_there_names_those_that_are(with_moodle: Shell) -> None:
    with_moodle.good(*by_hand())
    for command in ("disable", "enable"):
        result = with_moodle("lti", command, "city", "--client-id", "other")
        assert result.exit_code == 64
        assert "known clients: abc" in result.output


def test_an_open_invitation_of_a_disabled_moodle_serves_no_more(with_moodle: Shell, app: Flask) -> None:
    address = with_moodle.good("lti", "invite", "city").splitlines()[0]
    with_moodle.good(*by_hand())
    with_moodle.good("lti", "disable", "city")

    answer = app.test_client().get(
        address.removeprefix(TOOL_URL),
        query_string={"openid_configuration": f"{URL}/mod/lti/openid-configuration.php"},
    )
    assert answer.status_code == 410


def test_addresses_of_a_registration_must_be_the_moodle_s(with_moodle: Shell) -> None:
    for name in ("auth-login-url", "auth-token-url", "key-set-url"):
        result = with_moodle(*by_hand(**{name: "https://elsewhere.example/x"}))
        assert result.exit_code == os.EX_USAGE
        assert name in result.output


def test_keys_are_rotated(with_moodle: Shell, database: Database) -> None:
    with_moodle.good(*by_hand())
    assert "24 h from now" in with_moodle.good("lti", "rotate-keys")
    assert "signs at once" in with_moodle.good("lti", "rotate-keys", "--now")
    with database.session(writes=False) as session:
        assert len(session.scalars(select(LtiKey)).all()) == 3


def test_an_empty_list_says_what_to_do(shell: Shell) -> None:
    assert "lti invite" in shell.good("lti", "list")


def test_the_functions_that_a_token_needs_are_listed(shell: Shell) -> None:
    plain = shell.good("moodle", "functions")
    document = json.loads(shell.good("moodle", "functions", "--json"))
    names = [entry["name"] for entry in document["functions"]]
    assert "core_webservice_get_site_info" in names
    assert "enrol/manual:enrol" in document["capabilities"]
    assert all(name in plain for name in [*names, *document["capabilities"]])


def test_the_page_of_the_service_is_written_from_the_functions(shell: Shell, tmp_path: Path) -> None:
    page = tmp_path / "service.md"
    page.write_text("before\n<!-- begin functions -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    assert shell.good("moodle", "functions", "--write", str(page)) == ""
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- begin functions -->\n| function |")
    assert text.endswith("|\n<!-- end -->\nafter\n")
    assert "enrol_manual_enrol_users" in text
    assert "old" not in text


def test_nights_make_accounts_only_once_told(with_moodle: Shell, database: Database) -> None:
    assert "never made" in with_moodle.good("moodle", "accounts", "city")
    assert "logging in by manual" in with_moodle.good("moodle", "accounts", "city", "--create")
    assert "logging in by oauth2" in with_moodle.good("moodle", "accounts", "city", "--auth", "oauth2")
    assert (stored(database).creates_users, stored(database).new_user_auth) == (True, "oauth2")
    with_moodle.good("moodle", "add", "city", "--url", URL, stdin=f"{TOKEN}\n")
    assert stored(database).creates_users  # an update of the access leaves it
    assert "never made" in with_moodle.good("moodle", "accounts", "city", "--no-create")
    with database.session(writes=False) as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "set_account_making")).all()
    assert [entry.changes for entry in entries] == [
        {"creates_users": [False, True]},
        {"new_user_auth": ["manual", "oauth2"]},
        {"creates_users": [True, False]},
    ]


@pytest.mark.parametrize("auth", ["Manual", "o auth", "", "x" * 21])
def test_what_is_no_method_of_logging_in_is_refused(with_moodle: Shell, database: Database, auth: str) -> None:
    refused = with_moodle("moodle", "accounts", "city", "--create", "--auth", auth)
    assert refused.exit_code == os.EX_USAGE
    assert "method of logging in" in refused.output
    assert not stored(database).creates_users
