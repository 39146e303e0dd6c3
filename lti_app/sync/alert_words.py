"""The words of mails to administrators about nights: numbers and remedies, never names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask_babel import force_locale, gettext
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core.mail import Compose, Mail
from lti_app.lti.models import Moodle
from lti_app.sync.alerts import AGAIN, HELD, SILENT, TROUBLE, recipients
from lti_app.sync.models import RunStatus, SyncRun
from lti_app.sync.service import failures_of
from lti_app.sync.words import STATES, change_name, error_words, kind_name, known_words, reason_words

LANGUAGE = "ru"
"""Mail goes to people of whom no language is known."""
MOST_FAILURES = 5


def composer(settings: Settings) -> Compose:
    """Return what puts a payload of ``alerts`` into words."""

    def compose(session: Session, payload: dict[str, Any], _now: datetime) -> Mail | str:
        moodle = session.get(Moodle, payload["moodle_id"])
        to = recipients(session, settings, payload["moodle_id"]).get(payload["to"])
        if moodle is None or to is None:
            return "this recipient is not to be told any more"
        run = session.get(SyncRun, payload["run_id"])
        with force_locale(LANGUAGE):
            subject, lines = _WORDS[payload["kind"]](session, settings, moodle, run)
            lines = [*lines, "", f"Moodle: {moodle.url}"]
            if run is not None:
                lines.append(
                    gettext(
                        "Details: open «Площадка» from Moodle, page «Exchange with Moodle», run No. %(number)s.",
                        number=run.id,
                    )
                )
        return Mail(to, f"{moodle.name}: {subject}", "\n".join(lines) + "\n")

    return compose


def _held(_session: Session, _settings: Settings, _moodle: Moodle, run: SyncRun | None) -> tuple[str, list[str]]:
    reasons = [f"– {reason_words(reason)}" for reason in (run.held if run else [])]
    return gettext("the night's plan waits for your decision"), [
        gettext("Nothing was changed in Moodle. Why the plan is held:"),
        *reasons,
        "",
        gettext("If the lists are right, approve the plan. If not, mend the lists: the next night makes a new plan."),
    ]


def _trouble(session: Session, _settings: Settings, _moodle: Moodle, run: SyncRun | None) -> tuple[str, list[str]]:
    if run is None:
        return gettext("the night did not go well"), []
    lines = [gettext("State: %(state)s.", state=STATES[run.status][0])]
    if run.status is RunStatus.FAILED_SOME:
        lines += [
            gettext(
                "%(kind)s: planned %(planned)s, done %(done)s, failed %(failed)s",
                kind=kind_name(kind),
                planned=numbers["planned"],
                done=numbers["done"],
                failed=numbers["failed"],
            )
            for kind, numbers in sorted(run.counts.items())
            if numbers["failed"]
        ]
        failures = failures_of(session, run.id)
        lines += ["", gettext("The first failures and what to do:")]
        lines += [
            f"– {change_name(change.kind)} ({change.errorcode}): {known_words(change.remedy)}"
            for change in failures[:MOST_FAILURES]
        ]
    else:
        # What Moodle itself said may quote people: only what to do about it is told.
        _said, remedy = error_words(run.error or "")
        lines += [remedy] if remedy else []
    return gettext("the night did not go well"), lines


def _silent(_session: Session, settings: Settings, _moodle: Moodle, run: SyncRun | None) -> tuple[str, list[str]]:
    if run is None or run.finished_at is None:
        said = gettext("No night has run for this Moodle yet, though it was added more than 26 hours ago.")
    else:
        ended = run.finished_at.astimezone(settings.zone)
        said = gettext(
            "The last run ended on %(moment)s; none has ended for 26 hours since.", moment=f"{ended:%d.%m.%Y %H:%M}"
        )
    return gettext("nights do not run"), [
        said,
        gettext("Check on the server that the timer (or beat) and the workers are at work."),
    ]


def _again(_session: Session, _settings: Settings, _moodle: Moodle, _run: SyncRun | None) -> tuple[str, list[str]]:
    return gettext("nights work again"), [gettext("The last run was done in full. There is nothing to do.")]


_WORDS: dict[str, Callable[[Session, Settings, Moodle, SyncRun | None], tuple[str, list[str]]]] = {
    HELD: _held,
    TROUBLE: _trouble,
    SILENT: _silent,
    AGAIN: _again,
}
