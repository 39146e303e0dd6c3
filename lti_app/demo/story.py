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


PAST_MEETINGS = (
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
"""Meetings long past; those of the last days still wait for their leader's word, as the pages should show."""

TRAINEE_NAME = "Марина Сергеевна Орлова"
LEADER_NAME = "Наталья Викторовна Белова"
