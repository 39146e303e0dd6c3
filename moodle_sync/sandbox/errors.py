"""How Moodle says no to a web-service call: HTTP 200 with exception, errorcode and message (recordings ws/err_*)."""

from __future__ import annotations

import re


class MoodleError(Exception):
    """A refusal as Moodle words it."""

    def __init__(self, errorcode: str, message: str, exception: str = "core\\exception\\moodle_exception") -> None:
        super().__init__(message)
        self.errorcode = errorcode
        self.message = message
        self.exception = exception

    def body(self) -> dict[str, str]:
        """Write it as the web service answers it."""
        return {"exception": self.exception, "errorcode": self.errorcode, "message": self.message}


def invalid_parameter() -> MoodleError:
    """Refuse a parameter; Moodle's text never says which."""
    return MoodleError(
        "invalidparameter", "Invalid parameter value detected", "core\\exception\\invalid_parameter_exception"
    )


def missing_record(table: str) -> MoodleError:
    """Refuse an id that isn't there."""
    return MoodleError(
        "invalidrecord", f"Can't find data record in database table {table}.", "dml_missing_record_exception"
    )


def invalid_user() -> MoodleError:
    """Refuse a user id that isn't there (recording enrol_partial_bad_user)."""
    return MoodleError("invaliduser", "Invalid user", "dml_missing_record_exception")


def invalid_course_context(course: int) -> MoodleError:
    """Refuse a course that isn't there, where Moodle checks its context."""
    return MoodleError(
        "errorcoursecontextnotvalid",
        f"You cannot execute functions in the course context (course id:{course}). "
        "The context error message was: Invalid parameter value detected",
    )


def refuse_tags(name: str) -> None:
    """Refuse a name with something like a tag in it (PARAM_TEXT): cleaned, it would be another."""
    if re.search(r"<[a-zA-Z/!?]", name):
        raise invalid_parameter()


def coding_error(text: str) -> MoodleError:
    """Refuse what Moodle takes for a programmer's mistake (recording err_invalid_param)."""
    return MoodleError(
        "codingerror",
        f"Coding error detected, it must be fixed by a programmer: {text}",
        "core\\exception\\coding_exception",
    )
