"""Make accounts for people whom a Moodle doesn't have: the first pass of a plan, before anybody can be enrolled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from moodle_sync.accounts import accounts_by
from moodle_sync.apply import Journal
from moodle_sync.changes import ChangePlan, UserChange
from moodle_sync.client import MoodleClient
from moodle_sync.errors import (
    WHOLE_CODES,
    BadParameter,
    MoodleError,
    NotJson,
    TokenRefused,
    Unreachable,
    WriteOutcomeUnknown,
)
from moodle_sync.functions import Function, rows_per_call
from moodle_sync.outcomes import (
    NOT_THERE,
    NOT_TRIED,
    UNKNOWN,
    Outcome,
    Patience,
    failed,
    failure,
    halves,
)
from moodle_sync.roster import Account

USERNAME = re.compile(r"[-.@_a-z0-9]{1,100}")
"""What Moodle takes for a username, unless its administrator allows more."""
PASSWORD_METHODS = frozenset({"manual", "email"})
"""Methods of logging in for which Moodle makes a password and mails it; others have theirs elsewhere."""
LONGEST = 100
"""Characters that Moodle keeps of a name, an e-mail, a username."""


THERE_AFTER_ALL = (
    "there_after_all",
    "asked again, Moodle shows a user who may be this person, or shows nobody at all; no account was made",
    "The next night looks again.",
)
REFUSED = (
    "A user with this e-mail or username may be there whom the service's user isn't shown; else check the address, and "
    "that the method of logging in is known to Moodle."
)


class NewAccount(NamedTuple):
    """An account to be made. ``auth``: Moodle's name for the method of logging in."""

    username: str
    last_name: str
    first_name: str
    email: str
    idnumber: str
    auth: str


def new_account(*, last_name: str, first_name: str, email: str, idnumber: str, auth: str) -> NewAccount | None:
    """Describe an account, logging in by the e-mail in lower case or the idnumber; None where the data don't do."""
    fits = last_name.strip() and first_name.strip() and email
    if not fits or max(map(len, (last_name, first_name, email))) > LONGEST:
        return None
    for username in (email.lower(), idnumber.lower()):
        if USERNAME.fullmatch(username):
            return NewAccount(username, last_name, first_name, email, idnumber, auth)
    return None


def make_users(
    client: MoodleClient, plan: ChangePlan, accounts: Mapping[int, NewAccount], journal: Journal
) -> dict[int, int]:
    """Make the accounts that ``plan`` asks for, batch after batch; return the new user ids by person key.

    ``accounts`` by person key. Each batch is read back by username before the next: what Moodle then shows with our
    e-mail is made, also where its answer got lost. Before it is sent, Moodle is asked once more for users who may be
    these people: the plan rests on their absence, and one wrong answer would make them a second account. Every change
    gets exactly one outcome in the journal. A MoodleError never escapes: it becomes the outcome of the changes that it
    concerns.
    """
    changes = [change for change in plan.changes if isinstance(change, UserChange)]
    made: dict[int, int] = {}
    writer = _Writer(client, accounts, journal)
    size = rows_per_call(Function.CREATE_USERS, client.max_input_vars)
    for start in range(0, len(changes), size):
        for outcomes in writer.make_absent(changes[start : start + size]):
            journal.record(outcomes)
            made.update(
                (outcome.change.person_key, outcome.account.user_id)
                for outcome in outcomes
                if isinstance(outcome.change, UserChange) and outcome.account is not None
            )
    return made


class _Writer:
    def __init__(self, client: MoodleClient, accounts: Mapping[int, NewAccount], journal: Journal) -> None:
        self._client, self._accounts, self._journal = client, accounts, journal
        self._patience = Patience()

    def make_absent(self, batch: Sequence[UserChange]) -> Iterator[list[Outcome]]:
        """Make those of a batch of whom Moodle, asked again, still has no trace; yield outcomes as they are known."""
        there: set[UserChange] = set()
        if not self._patience.is_over:
            try:
                there = self._there_after_all(batch)
            except MoodleError as error:
                self._patience.note(error)
                yield [self._refused(change, error) for change in batch]
                return
        if there:
            yield [failed(change, None, *THERE_AFTER_ALL) for change in batch if change in there]
        if absent := [change for change in batch if change not in there]:
            yield from self.make(absent)

    def _there_after_all(self, batch: Sequence[UserChange]) -> set[UserChange]:
        """Return whom a second look finds; everybody, where Moodle doesn't even show the user who asks.

        Raises a MoodleError.
        """
        wanted = {change: self._accounts[change.person_key] for change in batch}
        own = str(self._client.own_user_id())
        if not accounts_by(self._client, "id", [own]):
            return set(batch)
        emails = [spelling for one in wanted.values() for spelling in (one.email, one.email.lower())]
        by_email = accounts_by(self._client, "email", emails)
        numbers = [one.idnumber for one in wanted.values() if one.idnumber]
        by_idnumber = accounts_by(self._client, "idnumber", numbers) if numbers else {}
        return {
            change
            for change, one in wanted.items()
            if by_email.get(one.email.casefold()) or (one.idnumber and by_idnumber.get(one.idnumber))
        }

    def make(self, batch: Sequence[UserChange], *, lost: bool = False) -> Iterator[list[Outcome]]:
        """Make a batch, parted where one row is at fault; yield outcomes as they become known.

        ``lost``: an earlier call with these rows got no answer, and may still be at work in Moodle.
        """
        if self._patience.is_over:
            yield [failed(change, None, *(UNKNOWN if lost else NOT_TRIED)) for change in batch]
            return
        self._journal.intend(())
        error: MoodleError | None = None
        try:
            self._client.call(Function.CREATE_USERS, users=[self._row(change) for change in batch])
        except MoodleError as caught:
            error = caught
        self._patience.note(error)
        if error is not None and len(batch) > 1 and _one_row_may_be_at_fault(error):
            # One transaction: a single bad row and nobody is made.
            for piece in halves(batch):
                yield from self.make(piece, lost=lost)
        elif error is not None and not lost and not isinstance(error, WriteOutcomeUnknown):
            yield [self._refused(change, error) for change in batch]
        else:
            yield from self._read_back(batch, error, lost=lost)

    def _read_back(
        self, batch: Sequence[UserChange], error: MoodleError | None, *, lost: bool
    ) -> Iterator[list[Outcome]]:
        """Look the new users up; send once more those of a lost call who aren't there."""
        try:
            names = [self._accounts[change.person_key].username for change in batch]
            there = accounts_by(self._client, "username", names)
        except MoodleError as unreadable:
            self._patience.note(unreadable)
            yield [failed(change, None, *UNKNOWN) for change in batch]
            return
        seen = {change: self._ours(change, there) for change in batch}
        done = [Outcome(change, None, True, account=account) for change, account in seen.items() if account]
        absent = [change for change, account in seen.items() if account is None]
        if error is None:
            done += [failed(change, None, *NOT_THERE) for change in absent]
        elif lost:
            done += [failed(change, None, *UNKNOWN) for change in absent]
        if done:
            yield done
        if absent and error is not None and not lost:
            yield from self.make(absent, lost=True)

    def _row(self, change: UserChange) -> dict[str, Any]:
        account = self._accounts[change.person_key]
        return {
            "username": account.username,
            "lastname": account.last_name,
            "firstname": account.first_name,
            "email": account.email,
            "idnumber": account.idnumber,
            "auth": account.auth,
            "createpassword": int(account.auth in PASSWORD_METHODS),
        }

    def _ours(self, change: UserChange, there: Mapping[str, Sequence[Account]]) -> Account | None:
        """Return the user with this username, unless its e-mail or idnumber says that it is somebody else's."""
        wanted = self._accounts[change.person_key]
        for account in there.get(wanted.username, ()):
            if account.email.casefold() in ("", wanted.email.casefold()) and account.idnumber in ("", wanted.idnumber):
                return account
        return None

    def _refused(self, change: UserChange, error: MoodleError) -> Outcome:
        outcome = failure(change, None, error)
        return outcome._replace(remedy=REFUSED) if isinstance(error, BadParameter) else outcome


def _one_row_may_be_at_fault(error: MoodleError) -> bool:
    as_a_whole = isinstance(error, WriteOutcomeUnknown | TokenRefused | Unreachable | NotJson)
    return not as_a_whole and error.errorcode not in WHOLE_CODES
