"""The leader's grid: what its cells say, what it costs, how it is narrowed and taken away."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.errors import Forbidden, NotFound
from lti_app.credits.grid import Grid, Shown, SideCell, SideColumn, Sign, changed_cell, intake_grid
from lti_app.credits.grid_workbook import grid_workbook
from lti_app.credits.models import CreditProposal, ProposalState
from lti_app.credits.service import propose_credits, record_presence
from lti_app.meetings.models import Presence
from lti_app.meetings.service import hold_attendance
from lti_app.programmes.models import Mode
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

ZONE = ZoneInfo("Asia/Novokuznetsk")
MOST_QUERIES = 13


def _signs(grid: Grid) -> list[list[str]]:
    return [[cell.sign.value + ("*" if cell.is_credited else "") for cell in row.cells] for row in grid.rows]


def test_cells_say_the_leaders_word_else_what_the_join_log_suggests(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        world.trainee(left=True)
        marked = world.meeting(starts_at=NOW - timedelta(days=9))
        joined = world.meeting(starts_at=NOW - timedelta(days=8))
        on_site = world.meeting(starts_at=NOW - timedelta(days=7), mode=Mode.ON_SITE)
        running = world.meeting(starts_at=NOW - timedelta(minutes=10))
        world.meeting(starts_at=NOW + timedelta(days=1))
        world.meeting(starts_at=NOW + timedelta(days=2), cancelled=True)
        alone = world.meeting(starts_at=NOW - timedelta(days=6))
        alone.only_for_id = anna.id
        world.attended(marked, anna)
        world.attended(marked, boris, presence=Presence.ABSENT)
        hold_attendance(session, trainee_id=anna.id, meeting_ids=[marked.id], credited=True)
        world.stay(joined, anna, joined.starts_at, joined.ends_at)
        session.flush()
        grid = intake_grid(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW)
        assert _signs(grid) == [["p*", "sp", "w", "w", "f", "x"], ["a", "sa", "w", "w", "f", "x"]]
        assert grid.individual == 1
        assert [line.meeting_id for line in grid.columns][:4] == [marked.id, joined.id, on_site.id, running.id]
        assert grid.current is not None
        assert grid.current.meeting_id == running.id
        assert grid.counted(Shown.WAITING) == 2


def test_filters_leave_those_who_fall_behind_or_wait_and_one_meeting(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,), needed=4)
        anna, boris = world.trainees(2)
        first, second = (world.meeting(hours=2, starts_at=NOW - timedelta(days=days)) for days in (3, 2))
        world.attended(first, anna)
        world.attended(first, boris, presence=Presence.ABSENT)
        world.attended(second, boris)
        grid = intake_grid(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW)

        def left(shown: Shown) -> list[int]:
            return [row.trainee.trainee_id for row in grid.narrowed(shown=shown).rows]

        assert left(Shown.ALL) == [anna.id, boris.id]
        assert left(Shown.BEHIND) == [boris.id]
        assert left(Shown.WAITING) == [anna.id]
        one = grid.narrowed(meeting_id=second.id)
        assert [line.meeting_id for line in one.columns] == [second.id]
        assert _signs(one) == [["sa"], ["p"]]
        assert len(grid.narrowed(meeting_id=999_999).columns) == 2


def test_it_is_closed_to_the_leader_of_another_site(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        meeting, anna = world.meeting(), world.trainee()
        with pytest.raises(Forbidden, match="not_your_site"):
            intake_grid(session, intake_id=world.intake.id, actor=other.leader_actor, now=NOW)
        with pytest.raises(Forbidden, match="not_your_site"):
            changed_cell(session, meeting_id=meeting.id, trainee_id=anna.id, actor=other.leader_actor, now=NOW)
        with pytest.raises(NotFound, match="no_such_trainee"):
            changed_cell(session, meeting_id=meeting.id, trainee_id=999, actor=world.leader_actor, now=NOW)


def test_a_hundred_people_and_forty_meetings_cost_no_more_queries_than_two_and_two(database: Database) -> None:
    def cost(code: str, people: int, meetings: int) -> int:
        with database.transaction() as session:
            world = World(session, code)
            trainees = world.trainees(people)
            for number in range(meetings):
                meeting = world.meeting(hours=0.5, starts_at=NOW - timedelta(days=50 - number))
                if number % 2:
                    world.attended(meeting, *trainees)
            intake_id, actor = world.intake.id, world.leader_actor
        with database.session(writes=False) as session, counted_queries(database) as queries:
            intake_grid(session, intake_id=intake_id, actor=actor, now=NOW)
        return len(queries)

    assert cost("small", 2, 2) == cost("large", 100, 40) <= MOST_QUERIES


def test_a_word_lets_an_open_proposal_follow_and_tells_row_and_column(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,), needed=2)
        anna, _boris = world.trainees(2)
        first, second = world.meeting(hours=2), world.meeting(hours=2)
        world.attended(first, anna)
        propose_credits(session, now=NOW)
        record_presence(
            session,
            meeting_id=second.id,
            trainee_id=anna.id,
            presence=Presence.PRESENT,
            seen=None,
            actor=world.leader_actor,
            now=NOW,
        )
        assert session.scalars(select(CreditProposal.hours)).one() == 4
        changed = changed_cell(session, meeting_id=second.id, trainee_id=anna.id, actor=world.leader_actor, now=NOW)
        assert changed.cell.sign is Sign.PRESENT
        assert (changed.column.present, changed.column.confirmed) == (1, 1)
        assert changed.trainee.hours_attended == 4
        for meeting in (first, second):
            record_presence(
                session,
                meeting_id=meeting.id,
                trainee_id=anna.id,
                presence=Presence.ABSENT,
                seen=Presence.PRESENT,
                reason="не была",
                actor=world.leader_actor,
                now=NOW,
            )
        assert session.scalars(select(CreditProposal.state)).one() is ProposalState.WITHDRAWN


def test_the_workbook_has_hours_and_what_is_shown_only(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=8)
        anna, boris = world.trainees(2)
        anna.person.last_name = "=2+2"
        first, _second = (world.meeting(hours=1.5, starts_at=NOW - timedelta(days=days)) for days in (3, 2))
        world.attended(first, anna)
        world.attended(first, boris, presence=Presence.ABSENT)
        session.flush()
        product = SideColumn("Карта урока", {anna.id: SideCell("принято", "check-circle", "success")})
        grid = intake_grid(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW, sides=[product])
        with app.test_request_context():
            content = grid_workbook(grid, ZONE, NOW)
            narrowed = grid_workbook(grid.narrowed(meeting_id=first.id), ZONE, NOW)
    rows = [list(row) for row in load_workbook(BytesIO(content)).worksheets[0].iter_rows(values_only=True)]
    assert rows[1][8:] == ["21.11.2026 15:00", "22.11.2026 15:00", "Карта урока"]
    assert Decimal(str(rows[3][8])) == Decimal("1.5")
    by_name = {row[1]: row for row in rows[4:6]}
    assert by_name["=2+2 Анна"][8:] == [1.5, "?", "принято"]
    assert by_name[boris.person.full_name][8:] == ["н", "?", None]
    assert rows[6][8:10] == ["1 / 2", "0 / 0"]
    assert [len(row) for row in load_workbook(BytesIO(narrowed)).worksheets[0].iter_rows(max_row=2)] == [10, 10]
