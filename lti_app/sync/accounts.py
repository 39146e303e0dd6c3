"""What Moodle says of the accounts that we know, and accounts that are to be made: what a night reads of people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import saving
from lti_app.core.db import insert_for
from lti_app.core.permissions import SYSTEM
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount, Person
from lti_app.sync.desired import taken_accounts
from lti_app.sync.questions import close_question
from moodle_sync.accounts import read_accounts
from moodle_sync.client import MoodleClient
from moodle_sync.new_users import NewAccount, new_account
from moodle_sync.plan import ChangePlan, EnrolmentChange, Kind, Note
from moodle_sync.roster import Account, Desired, Doubt, Observed

ROUND = 7
"""Nights in which every known account is looked at once, where they are few enough (``ACCOUNTS_A_NIGHT``)."""
FRESH = timedelta(days=7)
"""For so long a user that Moodle showed is taken to be there still."""
FEW = 3
"""Accounts that may all be gone by chance."""
ROWS_PER_QUERY = 500
CREATED = "created"
"""How an account was matched that a night made."""


@dataclass(frozen=True)
class Looked:
    """Say what a night found out about accounts."""

    new: Mapping[int, NewAccount] = field(default_factory=dict)
    """Accounts that may be made, by person key."""
    asked: frozenset[int] = frozenset()
    """Users, known before, whom Moodle was asked for in this night."""
    shown: Mapping[int, Account] = field(default_factory=dict)
    """Those of them whom it showed, and those who were found only now, by user id."""

    @property
    def not_shown(self) -> frozenset[int]:
        """Return the users whom Moodle was asked for and doesn't show."""
        return self.asked - self.shown.keys()

    def kept(self) -> Looked:
        """Return what is needed once it is kept in the database: the accounts themselves are not."""
        return Looked(self.new, self.not_shown)

    @property
    def is_blind(self) -> bool:
        """Tell whether Moodle shows none of several users who were there: the service's user may have lost its sight.

        Then that it shows no trace of somebody is no reason to make an account.
        """
        return len(self.not_shown) >= FEW and len(self.not_shown) == len(self.asked)


def new_accounts(session: Session, moodle: Moodle, observed: Observed) -> dict[int, NewAccount]:
    """Describe the accounts that may be made: where this Moodle's setting allows, for people of whom it has no trace.

    Who has no e-mail, or data that Moodle wouldn't take, gets none.
    """
    if not moodle.creates_users:
        return {}
    keys = [key for key, doubt in observed.unresolved.items() if doubt is Doubt.NO_USER]
    found = {}
    for some in _in_pieces(keys):
        for person in session.scalars(select(Person).where(Person.id.in_(some))):
            account = new_account(
                last_name=person.last_name,
                # Moodle shows no middle name of its own unless its administrator changed how names are shown.
                first_name=" ".join(filter(None, (person.first_name, person.middle_name))),
                email=person.email or "",
                idnumber=person.moodle_idnumber or "",
                auth=moodle.new_user_auth,
            )
            if account is not None:
                found[person.id] = account
    return found


def due_accounts(session: Session, moodle_id: int, desired: Desired, *, least: int, most: int) -> list[int]:
    """Return the users whose turn it is to be looked at: a seventh of those known, within these bounds.

    Those come first whom Moodle showed the longest time ago. Besides, as many of those whom it doesn't show any more.
    """
    known = {person.user_id for person in desired.people if person.user_id is not None}
    ours = select(MoodleAccount.user_id).where(MoodleAccount.moodle_id == moodle_id).order_by(MoodleAccount.user_id)
    missed = session.scalars(ours.where(MoodleAccount.not_shown_since.is_not(None)))
    by_age = session.scalars(
        select(MoodleAccount.user_id)
        .where(MoodleAccount.moodle_id == moodle_id, MoodleAccount.not_shown_since.is_(None))
        .order_by(MoodleAccount.seen_at.nulls_first(), MoodleAccount.user_id)
    )
    share = max(least, min(most, -(-len(known) // ROUND)))
    due = list(islice((user_id for user_id in by_age if user_id in known), share))
    return due + list(islice((user_id for user_id in missed if user_id in known), most))


def unsure_accounts(session: Session, moodle_id: int, plan: ChangePlan, *, now: datetime) -> set[int]:
    """Return the users about to be enrolled whom Moodle has not shown for ``FRESH``: one of them may be gone.

    An account that is gone makes Moodle refuse the whole batch.
    """
    enrolled = {
        change.user_id for change in plan.changes if change[0] is Kind.ENROL and isinstance(change, EnrolmentChange)
    }
    unsure: set[int] = set()
    for some in _in_pieces(sorted(enrolled)):
        unsure.update(
            session.scalars(
                select(MoodleAccount.user_id).where(
                    MoodleAccount.moodle_id == moodle_id,
                    MoodleAccount.user_id.in_(some),
                    func.coalesce(MoodleAccount.seen_at, MoodleAccount.matched_at) < now - FRESH,
                )
            )
        )
    return unsure


def look_up(client: MoodleClient, looked: Looked, *, asked: Collection[int], observed: Observed) -> Looked:
    """Ask Moodle for users that were known before. Raises a MoodleError."""
    found_now = {account.user_id: account for key in observed.matched_by for account in observed.accounts.get(key, ())}
    return Looked(looked.new, frozenset(asked), {**read_accounts(client, asked), **found_now})


def remember_matches(session: Session, moodle: Moodle, observed: Observed, *, now: datetime) -> None:
    """Keep who was found in Moodle.

    Moodle was read for a while: whoever launched meanwhile is tied already, and stays as tied then.
    """
    taken = taken_accounts(session, moodle)
    people = set(taken.values())
    found = [key for key in sorted(observed.matched_by) if key not in people and observed.users[key] not in taken]
    for some in _in_pieces(found):
        rows = [
            {
                "moodle_id": moodle.id,
                "user_id": observed.users[key],
                "person_id": key,
                "matched_by": observed.matched_by[key],
                "matched_at": now,
            }
            for key in some
        ]
        session.execute(insert_for(session, MoodleAccount).on_conflict_do_nothing(), rows)


def keep_accounts(session: Session, moodle_id: int, looked: Looked, desired: Desired, *, now: datetime) -> list[Note]:
    """Keep what Moodle said of accounts; take over names and e-mails that changed there; say what was done or differs.

    Merged three ways: what Moodle said before, what it says now, what we have. Where ours was as Moodle's was before,
    the new one is taken over. Where ours differs anyway, that is noted once. The e-mail of somebody with power over
    others is never taken over: in Moodle people may write into their own profile.
    """
    powerful = {person.key for person in desired.people if person.has_power}
    notes: list[Note] = []
    for some in _in_pieces(sorted(looked.asked | looked.shown.keys())):
        rows = session.scalars(
            select(MoodleAccount)
            .where(MoodleAccount.moodle_id == moodle_id, MoodleAccount.user_id.in_(some))
            .options(joinedload(MoodleAccount.person))
            .order_by(MoodleAccount.user_id)
        )
        for row in rows:
            account = looked.shown.get(row.user_id)
            if account is None:
                row.not_shown_since = row.not_shown_since or now
                continue
            notes += _merge(session, row, account, has_power=row.person_id in powerful, now=now)
            for name, value in as_seen(account, now).items():
                setattr(row, name, value)
    return notes


def tie_new_user(session: Session, moodle_id: int, person_id: int, account: Account, *, now: datetime) -> None:
    """Remember whose an account is that a night made, unless the user or the person is tied meanwhile."""
    taken = session.scalar(
        select(MoodleAccount.id)
        .where(
            MoodleAccount.moodle_id == moodle_id,
            or_(MoodleAccount.user_id == account.user_id, MoodleAccount.person_id == person_id),
        )
        .limit(1)
    )
    if taken is None:
        row = MoodleAccount(moodle_id=moodle_id, user_id=account.user_id, person_id=person_id, matched_by=CREATED)
        row.matched_at = now
        for name, value in as_seen(account, now).items():
            setattr(row, name, value)
        saving.add(session, row, actor=SYSTEM, now=now, action="create_account")
    close_question(session, moodle_id, person_id, now=now)


def as_seen(account: Account, now: datetime) -> dict[str, object]:
    """Return the columns that keep what Moodle said of an account."""
    return {
        "seen_last_name": account.last_name or None,
        "seen_first_name": account.first_name or None,
        "seen_email": account.email or None,
        "seen_suspended": account.suspended,
        "seen_at": now,
        "not_shown_since": None,
    }


def account_notes(session: Session, moodle_id: int, looked: Looked, desired: Desired) -> list[Note]:
    """Name the people of this night whose accounts are suspended, or not shown any more, as far as Moodle was asked."""
    ours = {person.key for person in desired.people}
    rows = session.execute(
        select(
            MoodleAccount.person_id, MoodleAccount.user_id, MoodleAccount.seen_suspended, MoodleAccount.not_shown_since
        ).where(
            MoodleAccount.moodle_id == moodle_id,
            or_(
                MoodleAccount.seen_suspended,
                MoodleAccount.not_shown_since.is_not(None),
                MoodleAccount.user_id.in_(sorted(looked.not_shown)[:ROWS_PER_QUERY]),
            ),
        )
    )
    notes = []
    for person_id, user_id, suspended, not_shown_since in rows:
        account = looked.shown.get(user_id)
        if person_id not in ours:
            continue
        if user_id in looked.not_shown or (account is None and not_shown_since is not None):
            notes.append(Note("account_not_shown", "", person_id, NOT_SHOWN))
        elif account.suspended if account is not None else suspended:
            notes.append(Note("account_suspended", "", person_id, "the account is suspended in Moodle"))
    return sorted(notes)


NOT_SHOWN = "Moodle does not show the account any more"


def _merge(session: Session, row: MoodleAccount, account: Account, *, has_power: bool, now: datetime) -> list[Note]:
    """Take over what changed in Moodle, or note where it differs; nothing where Moodle says what it said before."""
    person, notes = row.person, []
    names = account.last_name, account.first_name
    if all(names) and names != (row.seen_last_name, row.seen_first_name) and not _is_named(person, *names):
        before = row.seen_last_name or "", row.seen_first_name or ""
        if _is_named(person, *before) and max(map(len, names)) <= 100:
            saving.change(session, person, _parts(person, *names), actor=SYSTEM, now=now, action="take_over_name")
            notes.append(Note("name_taken_over", "", person.id, "the name changed in Moodle and was taken over"))
        else:
            notes.append(Note("name_differs", "", person.id, "Moodle has another name"))
    email = account.email
    if email and not _same(email, row.seen_email) and not _same(email, person.email):
        was_ours = row.seen_email is not None and _same(row.seen_email, person.email)
        if was_ours and not has_power and _is_free(session, email):
            saving.change(session, person, {"email": email}, actor=SYSTEM, now=now, action="take_over_email")
            notes.append(Note("email_taken_over", "", person.id, "the e-mail changed in Moodle and was taken over"))
        elif person.email is not None:
            notes.append(Note("email_differs", "", person.id, "Moodle has another e-mail"))
    return notes


def _is_named(person: Person, last_name: str, first_name: str) -> bool:
    """Tell whether these are the person's names; Moodle's first name may hold the middle name too."""
    ours = " ".join(person.last_name.split()), " ".join(person.first_name.split())
    both = " ".join(filter(None, (ours[1], " ".join((person.middle_name or "").split()))))
    return last_name == ours[0] and first_name in (ours[1], both)


def _parts(person: Person, last_name: str, first_name: str) -> dict[str, str]:
    """Part Moodle's names into ours: of somebody with a middle name, a second word of the first name is that."""
    first, _space, rest = first_name.partition(" ")
    if person.middle_name and rest:
        return {"last_name": last_name, "first_name": first, "middle_name": rest}
    return {"last_name": last_name, "first_name": first_name}


def _same(one: str | None, other: str | None) -> bool:
    return (one or "").casefold() == (other or "").casefold()


def _is_free(session: Session, email: str) -> bool:
    """Tell whether nobody on the lists has this e-mail, however it is spelt."""
    taken = select(Person.id).where(func.lower(Person.email).in_({email.lower(), email.casefold()})).limit(1)
    return session.scalar(taken) is None


def _in_pieces(values: Collection[int]) -> Iterable[list[int]]:
    left = iter(values)
    while piece := list(islice(left, ROWS_PER_QUERY)):
        yield piece
