"""Write groups of intakes: make them, put people in and out, then read back who is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from moodle_sync.changes import EnrolmentChange, GroupChange, Kind
from moodle_sync.client import MoodleClient
from moodle_sync.errors import WHOLE_CODES, MoodleError, WriteOutcomeUnknown
from moodle_sync.functions import Function, rows_per_call
from moodle_sync.observe_groups import group_ids, members_of
from moodle_sync.outcomes import NOT_THERE, NOT_TRIED, UNKNOWN, Outcome, Patience, failed, failure

NO_GROUP = ("no_group", "the group could not be made, so nobody was put into it")
FUNCTIONS = {
    Kind.CREATE_GROUP: Function.CREATE_GROUPS,
    Kind.ADD_TO_GROUP: Function.ADD_GROUP_MEMBERS,
    Kind.REMOVE_FROM_GROUP: Function.DELETE_GROUP_MEMBERS,
}


class GroupJournal(Protocol):
    """Remember durably what was done. Nothing is meant beforehand: a group is found again by its idnumber."""

    def intend(self, changes: Sequence[EnrolmentChange]) -> None:
        """Called before every write, without changes: whoever may write no more raises."""

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Remember what became of changes, each exactly once."""


def write_groups(
    client: MoodleClient, journal: GroupJournal, changes: Sequence[GroupChange], *, patience: Patience
) -> None:
    """Make groups, put people in, take people out; every change gets one outcome, after reading back."""
    made = [change for change in changes if change.kind is Kind.CREATE_GROUP]
    numbers: dict[tuple[int, str], int] = {}
    if made:
        errors = _send_all(client, journal, Kind.CREATE_GROUP, made, patience)
        numbers = _groups_there(client, made, patience)
        journal.record([_outcome(change, _place(change) in numbers, errors.get(change), numbers) for change in made])
    moves = [change for change in changes if change.kind is not Kind.CREATE_GROUP]
    placed = [change._replace(group_id=change.group_id or numbers.get(_place(change))) for change in moves]
    if lost := [change for change in placed if change.group_id is None]:
        journal.record([failed(change, change.course_id, *NO_GROUP) for change in lost])
    _move(client, journal, [change for change in placed if change.group_id is not None], patience)


def _place(change: GroupChange) -> tuple[int, str]:
    return change.course_id, change.course_key


def _move(client: MoodleClient, journal: GroupJournal, changes: Sequence[GroupChange], patience: Patience) -> None:
    if not changes:
        return
    errors: dict[GroupChange, MoodleError | None] = {}
    for kind in (Kind.ADD_TO_GROUP, Kind.REMOVE_FROM_GROUP):
        errors |= _send_all(client, journal, kind, [change for change in changes if change.kind is kind], patience)
    groups = sorted({change.group_id for change in changes if change.group_id is not None})
    try:
        members = members_of(client, groups) if not patience.is_over else {}
    except MoodleError as error:
        patience.note(error)
        journal.record([failed(change, change.course_id, *UNKNOWN) for change in changes])
        return
    journal.record(
        [
            _outcome(
                change,
                (change.user_id in members.get(change.group_id or 0, ())) is (change.kind is Kind.ADD_TO_GROUP)
                and (change.group_id in members),
                errors.get(change),
                members,
            )
            for change in changes
        ]
    )


def _outcome(change: GroupChange, is_so: bool, error: MoodleError | None, read: object) -> Outcome:
    if is_so:
        return Outcome(change, change.course_id, True)
    if isinstance(error, _NotTried):
        return failed(change, change.course_id, *NOT_TRIED)
    if error is not None:
        return failure(change, change.course_id, error)
    return failed(change, change.course_id, *(NOT_THERE if read else UNKNOWN))


class _NotTried(MoodleError):
    """Stand for calls that were not made, since Moodle failed several times on end."""


def _groups_there(client: MoodleClient, made: Sequence[GroupChange], patience: Patience) -> dict[tuple[int, str], int]:
    keys: dict[int, list[str]] = {}
    for change in made:
        keys.setdefault(change.course_id, []).append(change.course_key)
    if patience.is_over:
        return {}
    try:
        return group_ids(client, keys)[0]
    except MoodleError as error:
        patience.note(error)
        return {}


def _send_all(
    client: MoodleClient, journal: GroupJournal, kind: Kind, changes: Sequence[GroupChange], patience: Patience
) -> dict[GroupChange, MoodleError | None]:
    """Send changes of one kind in batches; return what the call of each ended in."""
    size = rows_per_call(FUNCTIONS[kind], client.max_input_vars)
    found: dict[GroupChange, MoodleError | None] = {}
    for start in range(0, len(changes), size):
        found |= _send(client, journal, kind, changes[start : start + size], patience)
    return found


def _send(
    client: MoodleClient, journal: GroupJournal, kind: Kind, batch: Sequence[GroupChange], patience: Patience
) -> dict[GroupChange, MoodleError | None]:
    if patience.is_over:
        return dict.fromkeys(batch, _NotTried(NOT_TRIED[1]))
    journal.intend(())
    rows = {"groups" if kind is Kind.CREATE_GROUP else "members": [_row(change) for change in batch]}
    try:
        client.call(FUNCTIONS[kind], **rows)
    except MoodleError as error:
        patience.note(error)
        is_refused = not isinstance(error, WriteOutcomeUnknown) and error.sent and error.again
        if len(batch) == 1 or not is_refused or error.errorcode in WHOLE_CODES:
            return dict.fromkeys(batch, error)
        # One transaction: a single bad row and nothing is done (recordings group_create_dup, group_add_notenrolled).
        half = len(batch) // 2
        return _send(client, journal, kind, batch[:half], patience) | _send(
            client, journal, kind, batch[half:], patience
        )
    patience.note(None)
    return dict.fromkeys(batch, None)


def _row(change: GroupChange) -> dict[str, Any]:
    if change.kind is Kind.CREATE_GROUP:
        return {
            "courseid": change.course_id,
            "name": change.name,
            "description": "",
            "idnumber": change.course_key,
        }
    return {"groupid": change.group_id, "userid": change.user_id}
