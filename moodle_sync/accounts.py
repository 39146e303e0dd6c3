"""Find people among a Moodle's users: by known id, then idnumber, then e-mail without case. Nothing is guessed."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError, NotJson
from moodle_sync.functions import Function, rows_per_call
from moodle_sync.roster import Account, DesiredPerson, Doubt

USERS_PER_CALL = 200
FEWEST_A_CALL = 25


class FoundPeople(NamedTuple):
    """Say who of our people are which users; everything by person key."""

    users: Mapping[int, int]
    """Moodle user ids, those known beforehand too."""
    matched_by: Mapping[int, str]
    """How somebody was found now: idnumber or email."""
    unresolved: Mapping[int, Doubt]
    accounts: Mapping[int, Sequence[Account]]
    """Of everybody who was looked for now, the users that matched, by user id: one, or those to choose between."""


class _Match(NamedTuple):
    accounts: Sequence[Account]
    how: str
    doubt: Doubt | None


def read_people(client: MoodleClient, people: Sequence[DesiredPerson]) -> FoundPeople:
    """Find those whose user id isn't known yet. Raises a MoodleError."""
    users = {person.key: person.user_id for person in people if person.user_id is not None}
    unknown = [person for person in people if person.user_id is None]
    by_idnumber = accounts_by(client, "idnumber", [person.idnumber for person in unknown if person.idnumber])
    # Moodle compares e-mails with case on PostgreSQL (recording users_by_email): ask as given and in lower case.
    wanted = [person.email for person in unknown if person.email and not by_idnumber.get(person.idnumber or "")]
    by_email = accounts_by(client, "email", [spelling for email in wanted for spelling in (email, email.lower())])
    by_email |= _accounts_spelt_otherwise(client, [email for email in wanted if email.casefold() not in by_email])
    matches = {person.key: _match(person, by_idnumber, by_email) for person in unknown}
    unresolved = {key: match.doubt for key, match in matches.items() if match.doubt is not None}
    sure = {key: match for key, match in matches.items() if match.doubt is None}
    losers = _contested(sure, set(users.values()))
    unresolved.update(losers)
    sure = {key: match for key, match in sure.items() if key not in losers}
    users.update((key, match.accounts[0].user_id) for key, match in sure.items())
    accounts = {key: match.accounts for key, match in matches.items() if match.accounts}
    return FoundPeople(users, {key: match.how for key, match in sure.items()}, unresolved, accounts)


def _match(
    person: DesiredPerson, by_idnumber: Mapping[str, tuple[Account, ...]], by_email: Mapping[str, tuple[Account, ...]]
) -> _Match:
    """Return the users that a person may be, how they were found, and what speaks against the one that was."""
    matching, how = by_idnumber.get(person.idnumber or "", ()), "idnumber"
    if not matching and person.email:
        matching, how = by_email.get(person.email.casefold(), ()), "email"
    accounts = matching if len(matching) < 2 else tuple(sorted(matching))
    doubt: Doubt | None = None
    if not accounts:
        doubt = Doubt.NO_USER
    elif len(accounts) > 1:
        doubt = Doubt.SEVERAL_USERS
    elif how == "email" and person.idnumber and accounts[0].idnumber not in ("", person.idnumber):
        # A school's common e-mail: the account's own number says that it is a colleague's.
        doubt = Doubt.OTHER_IDNUMBER
    elif how == "idnumber" and person.has_power and _differ(person.email, accounts[0].email):
        doubt = Doubt.OTHER_EMAIL
    return _Match(accounts, how, doubt)


def _differ(ours: str | None, theirs: str) -> bool:
    return bool(ours and theirs) and str(ours).casefold() != theirs.casefold()


def _contested(found: Mapping[int, _Match], known: set[int]) -> dict[int, Doubt]:
    """Name, by person key, those who match a user that is known to be, or may as well be, somebody else.

    An idnumber is a person's own and wins over an e-mail; between equals nobody wins.
    """
    claims: dict[int, list[int]] = defaultdict(list)
    for key, match in found.items():
        claims[match.accounts[0].user_id].append(key)
    losers: dict[int, Doubt] = {}
    for user_id, keys in claims.items():
        by_number = [key for key in keys if found[key].how == "idnumber"]
        if user_id in known or len(by_number) == 1:
            winners = [] if user_id in known else by_number
            doubt = Doubt.SOMEBODY_ELSE
        else:
            winners = keys if len(keys) == 1 else []
            doubt = Doubt.SEVERAL_PEOPLE
        losers.update((key, doubt) for key in keys if key not in winners)
    return losers


def read_accounts(client: MoodleClient, user_ids: Collection[int]) -> dict[int, Account]:
    """Return what Moodle says of these users, by user id; whom it doesn't show is left out. Raises a MoodleError."""
    found = accounts_by(client, "id", [str(user_id) for user_id in user_ids])
    return {account.user_id: account for account in itertools.chain.from_iterable(found.values())}


def accounts_by(client: MoodleClient, field: str, values: Iterable[str]) -> dict[str, tuple[Account, ...]]:
    """Find accounts by id, idnumber, username, or e-mail (folded to one case in the result). Raises a MoodleError."""
    found: dict[str, tuple[Account, ...]] = {}
    unique = sorted(set(values))
    # Moodle takes some milliseconds for each: few are shared out among the calls that it bears at once.
    share = max(FEWEST_A_CALL, -(-len(unique) // client.pace.concurrency))
    size = min(share, USERS_PER_CALL, rows_per_call(Function.USERS_BY_FIELD, client.max_input_vars))
    batches = [unique[start : start + size] for start in range(0, len(unique), size)]

    def read(batch: list[str]) -> list[tuple[str, Account]]:
        # What Moodle says of a user is ten times as long as what is kept of it.
        body = client.call(Function.USERS_BY_FIELD, field=field, values=batch)
        return [(str(user.get(field) or ""), as_account(user)) for user in body]

    try:
        for value, account in itertools.chain.from_iterable(client.map(read, batches)):
            _add(found, value.casefold() if field == "email" else value, account)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotJson("users that can't be read", function=Function.USERS_BY_FIELD) from error
    return found


def _add(found: dict[str, tuple[Account, ...]], value: str, account: Account) -> None:
    """Add an account to those found by a value, once; there is one as a rule, and a tuple of it is small."""
    before = found.get(value, ())
    if account not in before:
        found[value] = (*before, account)


def _accounts_spelt_otherwise(client: MoodleClient, emails: Sequence[str]) -> dict[str, tuple[Account, ...]]:
    """Find accounts whose e-mail differs in case only, where the service has the search for it.

    Moodle's search takes the value for a pattern, in which ``_`` and ``%`` stand for anything: what is found is
    compared again.
    """
    found: dict[str, tuple[Account, ...]] = {}
    if not emails or Function.SEARCH_USERS not in client.functions():
        return {}
    asked = sorted(set(emails))
    answers = client.read_many(
        Function.SEARCH_USERS, [{"criteria": [{"key": "email", "value": email}]} for email in asked]
    )
    for email, answer in zip(asked, answers, strict=True):
        if isinstance(answer, MoodleError):
            raise answer
        try:
            for body in answer["users"]:
                if str(body["email"]).casefold() == email.casefold():
                    _add(found, email.casefold(), as_account(body))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotJson("users that can't be read", function=Function.SEARCH_USERS) from error
    return found


def as_account(body: Mapping[str, Any]) -> Account:
    """Turn Moodle's description of a user into a value (recording ``users_by_id``); hidden fields are empty."""
    last_name, first_name = (" ".join(str(body.get(name) or "").split()) for name in ("lastname", "firstname"))
    return Account(
        user_id=int(body["id"]),
        idnumber=str(body.get("idnumber") or ""),
        email=str(body.get("email") or ""),
        last_name=last_name,
        first_name=first_name,
        full_name=" ".join(str(body.get("fullname") or f"{first_name} {last_name}").split()),
        suspended=bool(body.get("suspended")),
    )
