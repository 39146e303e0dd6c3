"""What forbids an end of a site as it was chosen (8.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext

from lti_app.core.errors import Conflict, DomainError, Text
from lti_app.core.fitting import require_fitting
from lti_app.ending.choices import EndFacts, IntakeChoice
from lti_app.ending.running import Recommendation, RunningIntake, Target, UnderWay
from lti_app.intakes.models import IntakeOutcome, TraineeOutcome
from lti_app.sites.models import EndGrounds, SiteEnd

FITTING = {
    IntakeOutcome.FINISHED: frozenset({TraineeOutcome.STAYS}),
    IntakeOutcome.MOVED: frozenset({TraineeOutcome.MOVED, TraineeOutcome.CREDITED, TraineeOutcome.LEFT}),
    IntakeOutcome.BROKEN_OFF: frozenset({TraineeOutcome.CREDITED, TraineeOutcome.LEFT}),
}
"""What can happen to a trainee of an intake that is finished, moved or broken off."""


def check_papers(
    facts: EndFacts, recommended: Recommendation | None, found: Sequence[RunningIntake], today: date
) -> None:
    """Refuse missing or contradicting papers and dates, and an organisation's decision before the programme is done."""
    for name, value, words in (
        ("order_number", facts.order_number, _l("The number of the centre's order is missing.")),
        ("reason", facts.reason, _l("It isn't said why the site ends.")),
    ):
        if not value.strip():
            raise DomainError("field_missing", words, remedy=_l("Fill the field in."), field=name, clause="8.1")
    require_fitting(SiteEnd, {"order_number": facts.order_number.strip(), "paper_number": facts.paper_number.strip()})
    if facts.order_date > today:
        raise _wrong_day("order_date", _l("The order is dated later than today."))
    if facts.ends_on < facts.order_date:
        raise _wrong_day("ends_on", _l("The site can't end before the day of the order."))
    if recommended is not None:
        if recommended.held_on > facts.order_date:
            raise _wrong_day("order_date", _l("The order is dated before the council's sitting."))
        return
    if facts.paper_date is None or not facts.paper_number.strip():
        raise DomainError(
            "field_missing",
            _l("Number and date of the organisation's decision are missing."),
            remedy=_l("Give both."),
            field="paper_number" if not facts.paper_number.strip() else "paper_date",
            clause="8.1",
        )
    if facts.paper_date > facts.order_date:
        raise _wrong_day("paper_date", _l("The organisation's decision is dated later than the order."))
    last = max((intake.ends_on for intake in found if intake.trainees), default=None)
    if facts.grounds is EndGrounds.ORGANISATION and last is not None:
        raise DomainError(
            "programme_not_done",
            _l("The programme isn't done yet: an intake with trainees runs until %(day)s.", day=f"{last:%d.%m.%Y}"),
            remedy=_l(
                "On the organisation's decision a site ends once its programme is done: give a later day, or wait for "
                "the council's recommendation."
            ),
            field="ends_on",
            clause="8.1",
        )


def _wrong_day(name: str, words: Text) -> DomainError:
    return DomainError("wrong_day", words, remedy=_l("Check the dates of the papers."), field=name, clause="8.1")


def check_choices(facts: EndFacts, found: Sequence[RunningIntake], offered: Sequence[Target], today: date) -> None:
    """Refuse an intake or trainee without a choice, one that is gone, and a choice that can't be carried out."""
    if unknown := set(facts.choices) - {intake.intake_id for intake in found}:
        raise _changed(f"intake_{min(unknown)}")
    targets = {target.intake_id: target for target in offered}
    for intake in found:
        choice = facts.choices.get(intake.intake_id)
        if choice is None:
            raise DomainError(
                "intake_not_decided",
                _l("It isn't said what happens to the intake %(code)s.", code=intake.code),
                remedy=_l("Decide on each intake under way."),
                field=f"intake_{intake.intake_id}",
                clause="8.1",
            )
        _check_choice(intake, choice, facts.ends_on, today)
    _check_moves(facts, found, targets)
    _check_attendance(facts, found)


def _check_attendance(facts: EndFacts, found: Sequence[RunningIntake]) -> None:
    """Refuse to lose the hours of meetings that the leader has no word on yet, unless that is said."""
    for intake in found:
        is_closed = facts.choices[intake.intake_id].outcome is not IntakeOutcome.FINISHED
        if is_closed and intake.unconfirmed and not facts.forgoes_unconfirmed:
            raise DomainError(
                "attendance_unconfirmed",
                lazy_ngettext(
                    "Attendance of %(num)s meeting of the intake %(code)s isn't confirmed: its hours would be lost.",
                    "Attendance of %(num)s meetings of the intake %(code)s isn't confirmed: their hours would be lost.",
                    intake.unconfirmed,
                    code=intake.code,
                ),
                remedy=_l("Have the leader confirm it first, or say below that these hours are given up."),
                field="forgoes_unconfirmed",
                clause="8.1",
            )


def _check_choice(intake: RunningIntake, choice: IntakeChoice, ends_on: date, today: date) -> None:
    if choice.outcome is not IntakeOutcome.FINISHED and ends_on > today + timedelta(days=1):
        raise DomainError(
            "breaks_off_in_future",
            _l("What is broken off or moved, is at once: not on a day to come."),
            remedy=_l("Let the site end by tomorrow at the latest, or let the intake run to its end."),
            field="ends_on",
            clause="8.1",
        )
    if choice.outcome is IntakeOutcome.FINISHED and not intake.trainees:
        raise DomainError(
            "nobody_to_finish",
            _l("Nobody has a place in the intake %(code)s: there is nothing to bring to its end.", code=intake.code),
            remedy=_l("Break it off."),
            field=f"intake_{intake.intake_id}",
        )
    present = {trainee.trainee_id: trainee for trainee in intake.trainees}
    if gone := set(choice.trainees) - set(present):
        raise _changed(f"trainee_{min(gone)}")
    for trainee in intake.trainees:
        _check_trainee(trainee, choice)


def _check_trainee(trainee: UnderWay, choice: IntakeChoice) -> None:
    outcome = choice.trainees.get(trainee.trainee_id)
    if outcome is None or outcome not in FITTING[choice.outcome]:
        raise DomainError(
            "trainee_not_decided",
            _l("It isn't said what happens to the trainee %(name)s.", name=trainee.name),
            remedy=_l("Decide on each trainee under way."),
            field=f"trainee_{trainee.trainee_id}",
            clause="8.1",
        )
    if outcome is TraineeOutcome.CREDITED and trainee.creditable <= 0 and trainee.credited <= 0:
        raise DomainError(
            "nothing_attended",
            _l("%(name)s has no attended hours that could be credited.", name=trainee.name),
            remedy=_l("Choose something else for this trainee."),
            field=f"trainee_{trainee.trainee_id}",
            clause="8.1",
        )


def _check_moves(facts: EndFacts, found: Sequence[RunningIntake], targets: dict[int, Target]) -> None:
    wanted: dict[int, int] = {}
    for intake, choice in _moves(facts, found):
        target = targets.get(choice.moved_to_id or 0)
        name = f"moved_to_{intake.intake_id}"
        if target is None or target.moodle_id != intake.moodle_id:
            raise DomainError(
                "no_such_target",
                _l("It isn't said which intake takes the trainees of %(code)s.", code=intake.code),
                remedy=_l("Choose an intake of another site in the same Moodle with free places."),
                field=name,
                clause="8.1",
            )
        moved = sum(outcome is TraineeOutcome.MOVED for outcome in choice.trainees.values())
        wanted[target.intake_id] = wanted.get(target.intake_id, 0) + moved
        if wanted[target.intake_id] > target.free:
            raise DomainError(
                "target_is_full",
                _l(
                    "%(moved)s trainees are to move, the intake has %(free)s free places.",
                    moved=wanted[target.intake_id],
                    free=target.free,
                ),
                remedy=_l("Choose another intake, or something else for some of the trainees."),
                field=name,
                clause="8.1",
            )


def _moves(facts: EndFacts, found: Sequence[RunningIntake]) -> Iterator[tuple[RunningIntake, IntakeChoice]]:
    for intake in found:
        choice = facts.choices[intake.intake_id]
        if choice.outcome is IntakeOutcome.MOVED:
            yield intake, choice


def _changed(name: str) -> Conflict:
    return Conflict(
        "under_way_changed",
        _l("What is under way at the site has changed since this page was opened."),
        remedy=_l(
            "Look through the list again: it shows how things stand now. "
            "What you typed is still on this page, but not saved yet."
        ),
        field=name,
        clause="8.1",
    )
