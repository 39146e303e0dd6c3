"""What can go wrong between us and a Moodle: one typed error per kind, each with a remedy for an administrator."""

from __future__ import annotations


class MoodleError(Exception):
    """Say what a call to Moodle ended in. No text of it ever holds the token.

    ``errorcode`` is Moodle's own where there is one: its messages are useless, its codes are not (recordings
    ``err_*.json``).
    """

    remedy = "See Moodle's own log at the time of the run."
    sent = True
    """False where the call was certainly not carried out, so that even a write may be repeated."""
    again = True
    """False where trying again at once can't help."""

    def __init__(self, message: str, *, function: str = "", errorcode: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.function = function
        self.errorcode = errorcode or type(self).__name__

    def __str__(self) -> str:
        where = f"{self.function}: " if self.function else ""
        return f"{where}{self.message} [{self.errorcode}]"


class Unreachable(MoodleError):
    """Say that no answer came: refused, timed out, cut off, or a server error of the web server."""

    remedy = "Check that Moodle runs and that its address is right; the next night tries again."


class NotJson(MoodleError):
    """Say that the answer was no JSON: a maintenance page, a proxy's page, or cut short."""

    remedy = "Check that Moodle is not in maintenance mode and that no proxy answers in its place."


class TokenRefused(MoodleError):
    """Say that Moodle doesn't take the token, or the service that it belongs to is off."""

    remedy = "Make a new token for the service in Moodle and store it with `moodle add`."


class CapabilityMissing(MoodleError):
    """Say that the token's user may not do this."""

    remedy = "Give the service's user the capabilities that `moodle functions` lists, and let it assign the roles."


class BadParameter(MoodleError):
    """Say that Moodle refuses a value that was sent."""

    remedy = "Compare the person's or course's data with what Moodle allows (names, dates, ids)."


class NoSuchThing(MoodleError):
    """Say that the user, course or record is not there."""

    remedy = "Check that the user or course was not deleted in Moodle."


class RejectedBatch(MoodleError):
    """Say that a write of several rows was refused as a whole; ``cause`` is what Moodle said of it."""

    remedy = "One row of the batch is at fault; it is looked for by halves."

    def __init__(self, cause: MoodleError, rows: int) -> None:
        super().__init__(f"a batch of {rows} rows was refused: {cause.message}", function=cause.function)
        self.cause = cause
        self.errorcode = cause.errorcode
        self.rows = rows


class MoodleWarning(MoodleError):
    """Say that Moodle answered with warnings and did nothing (recording ``course_update_absent``)."""

    remedy = "Check that the course still exists in Moodle."


class WriteOutcomeUnknown(MoodleError):
    """Say that a write was sent and no answer came: it may have been done. Read back before sending it again."""

    remedy = "Nothing to do: what the call did is read back from Moodle."


class CannotReadWhole(MoodleError):
    """Say that Moodle as a whole can't be read now, so that nothing may be changed."""

    remedy = "Mend what is named and run again; nothing was changed."

    def __init__(self, cause: MoodleError) -> None:
        super().__init__(str(cause), errorcode=cause.errorcode)
        self.remedy = cause.remedy


CLOSED_CODES = frozenset({"sitemaintenance", "upgraderunning"})
"""Moodle is shut for a while: nothing was done, and it may pass."""
TOKEN_CODES = frozenset(
    {
        "invalidtoken",
        "invalidtimedtoken",
        "invalidiptoken",
        "usernotallowed",
        "servicenotavailable",
        "usernotfound",
        "forcepasswordchange",
    }
)
CAPABILITY_CODES = frozenset(
    {
        "accessexception",
        "nopermissions",
        "nopermission",
        "requireloginerror",
        "wsusercannotassign",
        "errorcoursecontextnotvalid",
        "wscannotenrol",
        "wsnoinstance",
        "cannotviewreport",
        "notingroup",
        "criteriaerror",
    }
)
PARAMETER_CODES = frozenset(
    {
        "invalidparameter",
        "missingparam",
        "invalidresponse",
        "shortnametaken",
        "courseidnumbertaken",
        "categoryidnumbertaken",
        "categorytoolong",
        "formatnotsupported",
    }
)
ABSENT_CODES = frozenset(
    {
        "invalidrecord",
        "invaliduser",
        "invalidcourseid",
        "invalidcourse",
        "unknownuserid",
        "usernotenrolled",
        "nocriteriaset",
    }
)


WHOLE_CODES = frozenset(
    {
        "accessexception",
        "nopermissions",
        "nopermission",
        "requireloginerror",
        "errorcoursecontextnotvalid",
        "wscannotenrol",
        "wsnoinstance",
        "manualpluginnotinstalled",
    }
)
"""What no single row of a batch can be at fault for: looking for one by halves would only repeat the refusal."""
LOCKED_CODE = "setting_locked_by_permission"
"""A setting of the copying is fixed, since the account may not choose it."""
ROLE_CODE = "wsusercannotassign"
"""A role may not be given: it concerns every row with that role (recording ``enrol_bad_role``)."""


def error_of(body: dict[str, object], function: str) -> MoodleError:
    """Return the typed error for an answer with ``exception`` and ``errorcode``."""
    code = str(body.get("errorcode") or "unknown")
    message = str(body.get("message") or "")[:300]
    if code in CLOSED_CODES:
        closed = Unreachable(message, function=function, errorcode=code)
        closed.sent = False
        return closed
    kind: type[MoodleError] = MoodleError
    if code in TOKEN_CODES:
        kind = TokenRefused
    elif code in CAPABILITY_CODES or "capability" in code:
        kind = CapabilityMissing
    elif code in ABSENT_CODES or str(body.get("exception")) == "dml_missing_record_exception":
        kind = NoSuchThing
    elif code in PARAMETER_CODES:
        kind = BadParameter
    return kind(message, function=function, errorcode=code)
