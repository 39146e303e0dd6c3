"""Bring in what changes with every term: intakes, their meetings and trainees."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from lti_app.core.errors import DomainError
from lti_app.importing.bringing import Bringer, kept
from lti_app.importing.catalogue import MISLEADING
from lti_app.importing.fields import Wrong
from lti_app.importing.parsing import ParsedRow
from lti_app.intakes.courses import place_elsewhere_in_course
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.intakes.service import (
    IntakeFacts,
    build_intake,
    check_intake,
    publish_intakes,
    save_intake,
    save_trainee,
)
from lti_app.intakes.waiting import fill
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.meetings.planning import MeetingFacts, academic_hours, check_meeting, from_local, save_meeting
from lti_app.meetings.rooms.servers import room_asked_for
from lti_app.people.models import Person
from lti_app.programmes.models import Topic
from lti_app.sites.service import present_leader


@dataclass
class Runs(Bringer):
    """Bring in intakes, meetings and trainees, then check each intake as a whole."""

    _intake_rows: dict[str, ParsedRow] = field(default_factory=dict)
    _meetings: dict[str, dict[tuple[int, datetime], Meeting]] = field(default_factory=dict)
    _meeting_rows: dict[str, list[tuple[ParsedRow, MeetingFacts]]] = field(default_factory=lambda: defaultdict(list))
    _trainees: dict[str, dict[int, Trainee]] = field(default_factory=dict)
    _trainee_rows: dict[str, list[tuple[ParsedRow, Person]]] = field(default_factory=lambda: defaultdict(list))
    _newcomers: Counter[str] = field(default_factory=Counter)
    _to_enrol: dict[str, list[tuple[Trainee | None, Person]]] = field(default_factory=lambda: defaultdict(list))

    def bring_intake(self, row: ParsedRow) -> None:
        """Create or change an intake."""
        code, intakes = row.values["code"], self.known.intakes
        joined = self.join(row, programme=self.known.programmes, moodle=self.known.moodles)
        if joined is None:
            intakes.spoil(code)
            return
        existing = intakes.rows.get(code)
        facts = IntakeFacts(
            code=code,
            programme=joined["programme"],
            moodle=joined["moodle"],
            starts_on=row.values["starts_on"],
            ends_on=row.values["ends_on"],
            capacity=row.values["capacity"],
        )
        refusals = check_intake(existing, facts)
        if self.refuse(row, refusals) or facts.programme.id is None:
            if existing is not None or any(refusal.code in MISLEADING for refusal in refusals):
                intakes.spoil(code)
            else:
                intakes.rows[code] = build_intake(facts, self.now)
                self._intake_rows[code] = row
            return
        intake, saved = save_intake(self.session, existing, facts, actor=self.actor, now=self.now)
        intakes.rows[code] = intake
        self._intake_rows[code] = row
        self.report.count("intakes", saved)
        if intake.published_at is None:
            wrong = Wrong(
                _l("The council hasn't approved the programme: the intake stays unpublished and gets no course (4.2)."),
                _l("Once it has, import the programme with number and date of the protocol."),
                "intake_unpublished",
            )
            self.report.warnings.append(row.wrong("programme", wrong))

    def bring_meeting(self, row: ParsedRow) -> None:
        """Plan or change a meeting; it is known by intake, topic and start."""
        joined = self.join(row, intake=self.known.intakes, host=self.known.people)
        try:
            starts_at = from_local(row.values["starts_at"], self.zone)
        except DomainError as refusal:
            self.refuse(row, [refusal])
            return
        if joined is None:
            return
        intake: Intake = joined["intake"]
        topic = next((topic for topic in intake.version.topics if topic.position == row.values["topic"]), None)
        if topic is None:
            self.refuse(row, [self._no_such_topic(intake)])
            return
        existing = self._meetings_of(intake).get((topic.id, starts_at))
        host = joined["host"]
        place_or_url, room_kind = room_asked_for(self.session, row.values["mode"], row.values["place_or_url"])
        if existing is not None and existing.only_for_id is not None:
            self.refuse(row, [_INDIVIDUAL])
            return
        facts = MeetingFacts(
            intake=intake,
            topic=topic,
            form=row.values["form"],
            mode=row.values["mode"],
            starts_at=starts_at,
            minutes=row.values["minutes"],
            place_or_url=place_or_url,
            room_kind=room_kind,
            state=kept(row, "state", existing, existing.state if existing else MeetingState.PLANNED),
            host_id=host.id if host else kept(row, "host_id", existing) if "host" not in row.values else None,
            capacity=kept(row, "capacity", existing),
        )
        self._meeting_rows[intake.code].append((row, facts))
        if self.refuse(row, check_meeting(facts, self.zone)) or intake.id is None:
            return
        try:
            meeting, saved = save_meeting(self.session, existing, facts, zone=self.zone, actor=self.actor, now=self.now)
        except DomainError as refusal:
            self.refuse(row, [refusal])
            return
        self._meetings_of(intake)[topic.id, starts_at] = meeting
        self.report.count("meetings", saved)

    def _no_such_topic(self, intake: Intake) -> DomainError:
        positions = ", ".join(str(topic.position) for topic in intake.version.topics)
        return DomainError(
            "unknown_topic",
            _l("The programme of this intake has no topic with this number."),
            remedy=_l("Its thematic plan has the numbers %(numbers)s.", numbers=positions),
            field="topic",
        )

    def _meetings_of(self, intake: Intake) -> dict[tuple[int, datetime], Meeting]:
        if intake.code not in self._meetings:
            rows = self.session.scalars(select(Meeting).where(Meeting.intake_id == intake.id)) if intake.id else ()
            self._meetings[intake.code] = {(row.topic_id, row.starts_at): row for row in rows}
        return self._meetings[intake.code]

    def bring_trainee(self, row: ParsedRow) -> None:
        """Give a person a place; who left stays away unless the row says otherwise in so many words."""
        joined = self.join(row, intake=self.known.intakes, person=self.known.people)
        if joined is None:
            return
        intake, person = joined["intake"], joined["person"]
        if any(former is person for _row, former in self._trainee_rows[intake.code]):
            self.report.problems.append(row.wrong("person", _TWICE))
            return
        self._trainee_rows[intake.code].append((row, person))
        state: TraineeState | None = row.values.get("state")
        if intake.id is None:
            self._newcomers[intake.code] += state is not TraineeState.LEFT
            return
        places = self._trainees_of(intake)
        existing = places.get(person.id)
        if existing is not None and existing.state is TraineeState.LEFT and state is None:
            self.report.warnings.append(row.wrong("person", _HAS_LEFT))
        led = present_leader(intake.version.programme.site)
        if led is not None and led.person_id == person.id:
            self.report.warnings.append(row.wrong("person", _LEADS_THE_SITE))
        comes_back = existing is not None and existing.state is TraineeState.LEFT and state is TraineeState.ENROLLED
        if comes_back or (existing is None and state is not TraineeState.LEFT):
            self._to_enrol[intake.code].append((existing, person))  # once those who leave have made room
            return
        self._save_place(intake, existing, person, state)

    def _save_place(self, intake: Intake, existing: Trainee | None, person: Person, state: TraineeState | None) -> None:
        place, saved = save_trainee(
            self.session, existing, intake=intake, person=person, state=state, actor=self.actor, now=self.now
        )
        self._trainees_of(intake)[person.id] = place
        self.report.count("trainees", saved)

    def _trainees_of(self, intake: Intake) -> dict[int, Trainee]:
        if intake.code not in self._trainees:
            rows = self.session.scalars(select(Trainee).where(Trainee.intake_id == intake.id)) if intake.id else ()
            self._trainees[intake.code] = {row.person_id: row for row in rows}
        return self._trainees[intake.code]

    def finish(self) -> None:
        """Check what can only be told of whole intakes; publish those whose programme has been approved."""
        touched = sorted({*self._intake_rows, *self._trainee_rows})
        ids = [intake.id for code in touched if (intake := self.known.intakes.rows[code]).id is not None]
        # Whoever asks for a place meanwhile waits for the list.
        self.session.execute(
            select(Intake.id).where(Intake.id.in_(ids)).order_by(Intake.id).with_for_update(key_share=True)
        )
        for code in touched:
            intake = self.known.intakes.rows[code]
            if self._has_places(intake):
                for existing, person in self._to_enrol[code]:
                    self._save_place(intake, existing, person, TraineeState.ENROLLED)
            if intake.id is not None and not self.report.problems:
                fill(self.session, intake, actor=self.actor, now=self.now, zone=self.zone)
        for code in sorted(self._trainee_rows):
            self._check_one_place_a_course(self.known.intakes.rows[code])
        for code, row in self._intake_rows.items():
            self._check_days(row, self.known.intakes.rows[code])
        for code in sorted(self._meeting_rows):
            self._check_topic_hours(self.known.intakes.rows[code])
        programmes = self.sheets.get("programmes")
        if programmes is not None and not self.report.problems:
            for row in programmes.rows:
                programme = self.known.programmes.rows[row.values["code"]]
                publish_intakes(self.session, programme=programme, actor=self.actor, now=self.now)

    def _check_one_place_a_course(self, intake: Intake) -> None:
        """Refuse a second place in a course that several intakes share: its gradebook has one column for a person."""
        held = {key for key, place in self._trainees_of(intake).items() if place.state is TraineeState.ENROLLED}
        for person_id, other in place_elsewhere_in_course(self.session, intake, held).items():
            for row, person in self._trainee_rows[intake.code]:
                if person.id == person_id:
                    wrong = Wrong(
                        _l(
                            "This person has a place in the intake %(other)s, with the same course.",
                            other=other,
                        ),
                        _l("Let them leave the other intake (state left), or leave them out here."),
                        "second_place",
                    )
                    self.report.problems.append(row.wrong("person", wrong))

    def _has_places(self, intake: Intake) -> bool:
        held = sum(place.state is TraineeState.ENROLLED for place in self._trainees_of(intake).values())
        held += self._newcomers[intake.code] + len(self._to_enrol[intake.code])
        if held <= intake.capacity:
            return True
        wrong = Wrong(
            _l(
                "The intake has %(capacity)s places, and %(held)s trainees with this file.",
                capacity=intake.capacity,
                held=held,
            ),
            _l("Raise the capacity, or move trainees to another intake."),
            "over_capacity",
        )
        rows = self._trainee_rows[intake.code]
        if rows:
            row = rows[max(0, len(rows) - (held - intake.capacity))][0]
            self.report.problems.append(row.wrong("person", wrong))
        else:
            self.report.problems.append(self._intake_rows[intake.code].wrong("capacity", wrong))
        return False

    def _check_days(self, row: ParsedRow, intake: Intake) -> None:
        """Refuse days that leave out a meeting planned earlier; meetings of the file are checked one by one."""
        in_file = {(facts.topic.id, facts.starts_at) for _row, facts in self._meeting_rows[intake.code]}
        for key, meeting in self._meetings_of(intake).items():
            day = meeting.starts_at.astimezone(self.zone).date()
            if key in in_file or meeting.state is MeetingState.CANCELLED or intake.starts_on <= day <= intake.ends_on:
                continue
            self.report.problems.append(row.wrong(_nearer_end(intake, day), _leaves_out(day)))
            return

    def _check_topic_hours(self, intake: Intake) -> None:
        """Warn where a topic's meetings make more hours than the plan gives it: credit counts the plan's."""
        totals: dict[int, Decimal] = defaultdict(Decimal)
        last_row: dict[int, tuple[ParsedRow, Topic]] = {}
        in_file = {(facts.topic.id, facts.starts_at): facts for _row, facts in self._meeting_rows[intake.code]}
        for (topic_id, starts_at), meeting in self._meetings_of(intake).items():
            is_common = meeting.state is MeetingState.PLANNED and meeting.only_for_id is None
            if (topic_id, starts_at) not in in_file and is_common:
                position = next(topic.position for topic in intake.version.topics if topic.id == topic_id)
                totals[position] += meeting.hours
        for row, facts in sorted(self._meeting_rows[intake.code], key=lambda pair: pair[1].starts_at):
            if facts.state is MeetingState.PLANNED:
                totals[facts.topic.position] += academic_hours(facts.minutes)
                last_row[facts.topic.position] = (row, facts.topic)
        for position, (row, topic) in sorted(last_row.items()):
            if totals[position] > topic.hours:
                wrong = Wrong(
                    _l(
                        "The meetings of topic %(topic)s make %(total)s h, the plan gives it %(hours)s h: "
                        "no more than that will be credited.",
                        topic=position,
                        total=f"{totals[position].normalize():f}",
                        hours=f"{topic.hours.normalize():f}",
                    ),
                    _l("Check the lengths of the meetings and the numbers of their topics."),
                    "topic_hours_exceeded",
                )
                self.report.warnings.append(row.wrong("minutes", wrong))


def _nearer_end(intake: Intake, day: date) -> str:
    return "starts_on" if day < intake.starts_on else "ends_on"


def _leaves_out(day: date) -> Wrong:
    return Wrong(
        _l("A meeting planned on %(day)s would be outside the intake.", day=f"{day:%d.%m.%Y}"),
        _l("Cancel that meeting first, or keep its day within the intake."),
        "leaves_meeting_out",
    )


_INDIVIDUAL = DomainError(
    "individual_meeting",
    _l("At this time there is an individual meeting with one trainee on this topic."),
    remedy=_l("Give another time; the individual meeting is changed with its trainee."),
    field="starts_at",
)
_TWICE = Wrong(
    _l("This person is in this intake already, by an earlier row."), _l("Leave one of the two rows."), "duplicate"
)
_HAS_LEFT = Wrong(
    _l("This trainee has left the intake and is not enrolled again by a list."),
    _l("If they come back, write “enrolled” into the column state of this row."),
    "trainee_left",
)
_LEADS_THE_SITE = Wrong(
    _l("This trainee leads the site and would confirm their own hours."),
    _l("Check whether the right person is meant."),
    "leader_is_trainee",
)
