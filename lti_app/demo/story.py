"""Who plays which part in the demonstration, and what had happened before it starts."""

from __future__ import annotations

from dataclasses import dataclass

MOODLE = "demo"
"""The name under which the data set expects the sandbox Moodle to be stored (`moodle add demo …`)."""

INTAKE = "UROK-16-1"
"""The intake whose last meeting, a distance seminar, is under way."""
SEMINAR_TOPIC = 7
"""The topic (its position) of the seminar under way."""
TRAINEE = "T-0003"
"""Марина Орлова: attended everything so far (14 h of 16); with this seminar she has what the programme needs."""
LEADER = "T-0001"
"""Наталья Белова leads the site of that intake."""
BOTH = "T-0002"
"""Андрей Гордеев leads the second site and is a trainee at the first."""


@dataclass(frozen=True)
class PastMeeting:
    """Say who was absent from a meeting whose attendance was confirmed before the demonstration."""

    intake: str
    topic: int
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PastCorrection:
    """Say who was marked absent by mistake from a meeting of the past, and why the leader took that back."""

    intake: str
    topic: int
    person: str
    reason: str


@dataclass(frozen=True)
class PastStay:
    """Say from which to which minute of a distance meeting somebody was in its room; without ``left`` still is."""

    person: str
    came: int
    left: int | None = None


PAST_MEETINGS = (
    PastMeeting("TEXT-16-1", 1),
    PastMeeting("TEXT-16-1", 2, frozenset({"T-0044"})),
    PastMeeting("TEXT-16-1", 3),
    PastMeeting("TEXT-16-1", 4),
    PastMeeting("UROK-16-1", 1, frozenset({"T-0008"})),
    PastMeeting("UROK-16-1", 2),
    PastMeeting("UROK-16-1", 3, frozenset({"T-0008", "T-0012"})),
    PastMeeting("UROK-16-1", 4, frozenset({"T-0005"})),
    PastMeeting("UROK-16-1", 5, frozenset({"T-0008"})),
    PastMeeting("UROK-16-1", 6, frozenset({"T-0011", "T-0008"})),
    PastMeeting("CIFRA-24-1", 1),
    PastMeeting("CIFRA-24-1", 2, frozenset({"T-0020"})),
    PastMeeting("PROEKT-36-1", 1, frozenset({"T-0024", "T-0037"})),
    PastMeeting("PROEKT-36-1", 2, frozenset({"T-0024"})),
    PastMeeting("PROEKT-36-1", 3),
)
"""Meetings long past. Those of the last days still wait for their leader's word, and in TEXT-16-1 the first night finds
three trainees who have earned their credit: the leader's pages have an answer to who needs them today."""

CORRECTION = PastCorrection("UROK-16-1", 3, "T-0003", "Была на занятии, подпись в листе регистрации есть.")
"""The leader's word on her was changed a day later; she sees both, and the reason."""
ON_SITE, ON_SITE_HOST = ("CIFRA-24-1", 5), "T-0033"
"""The meeting on site (intake, topic) that begins in twenty minutes, and who holds it instead of the leader."""

UNCONFIRMED = ("CIFRA-24-1", 3)
"""A distance seminar of the same leader that is over and waits for the leader's word (intake, topic)."""
STAYS = (
    PastStay("T-0002", -5, 180),
    PastStay("T-0015", -2, 178),
    PastStay("T-0016", 0, 180),
    PastStay("T-0017", 4, 171),
    PastStay("T-0018", 1, 62),
    PastStay("T-0019", 3, 180),
    PastStay("T-0021", -8, 180),
    PastStay("T-0036", 6, 175),
    PastStay("T-0038", 0, 180),
    PastStay("T-0042", 12, 49),
    PastStay("T-0042", 58, 176),
    PastStay("T-0046", -1, 180),
    PastStay("T-0009", 2, 169),
)
"""Who was in its room, and when: one left early, one was cut off and came back, one did not come."""

SEMINAR_STAYS = (
    PastStay("T-0004", -6),
    PastStay("T-0005", -1),
    PastStay("T-0006", 0, 14),
    PastStay("T-0007", 2),
    PastStay("T-0009", -9),
    PastStay("T-0010", 1),
    PastStay("T-0013", 8),
    PastStay("T-0014", 0),
)
"""Who is in the room of the seminar under way before the reader comes: one has left already, some are missing."""

TRAINEE_NAME = "Марина Сергеевна Орлова"
LEADER_NAME = "Наталья Викторовна Белова"
STRANGER, STRANGER_NAME = "v.grishin", "Виктор Гришин"
"""Somebody on no list, enrolled by hand in the course of that intake: the tool leaves him alone and asks its leader."""
SPECIALIST, SPECIALIST_NAME = "T-0049", "Лариса Ивановна Захарченко"
"""Works at the methodical centre."""
SECRETARY, SECRETARY_NAME = "T-0050", "Вероника Павловна Соловьёва"
"""Secretary of the council."""
APPLICANT, PROPOSED_LEADER = "T-0014", "T-0048"
"""Who applies for a site in the name of the lyceum, and who is to lead it."""
OPEN_PROGRAMME = "TEXT-16"
"""The programme of which an intake takes requests for places."""
HEAD = "T-0017"
"""Heads the organisation of the first two of those."""
WANT_A_PLACE = ("T-0008", "T-0015", "T-0020")
"""Who ask for a place there; the last one's organisation has no head on the list, so the centre has the word."""
OPEN_SEMINAR = ("CIFRA-24-1", 4)
"""The coming distance seminar (intake, topic) that teachers from outside may sign up for."""
SEMINAR_GUESTS = ("T-0008", "T-0044", "T-0012")
"""Who sign up for it; the last one waits, since there are places for two."""
CENTRE_COURSE = "CENTRE"
"""The course in which those who run the sites find the tool."""
FOREIGN_COURSE = "PEDSOVET"
"""A course that belongs to no intake, with a link to the tool all the same."""
