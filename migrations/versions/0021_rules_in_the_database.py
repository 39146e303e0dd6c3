"""Rules of the regulation that the database holds by itself: frozen versions, publication, places, closed sittings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0015"
branch_labels = None
depends_on = None

CONTENT = (
    "programme_id",
    "number",
    "title",
    "goals",
    "hours",
    "hours_needed",
    "needs_completion",
    "direction",
    "relevance",
    "tasks",
    "audience",
    "annotation",
    "control",
    "conditions",
    "sources",
)
FROZEN = "('submitted', 'approved', 'rejected')"
STEPS = (
    ("draft", ("submitted", "approved")),
    ("returned", ("submitted", "approved")),
    ("submitted", ("draft", "returned", "approved", "rejected")),
    ("approved", ()),
    ("rejected", ()),
)
"""Where a version may go from each state; a list brought in by the centre may name an approval at once."""


def _differs(columns: tuple[str, ...], operator: str) -> str:
    return " OR ".join(f"OLD.{column} {operator} NEW.{column}" for column in columns)


def _forbidden_steps() -> str:
    legs = []
    for state, next_states in STEPS:
        allowed = ", ".join(f"'{one}'" for one in (state, *next_states))
        legs.append(f"(OLD.state = '{state}' AND NEW.state NOT IN ({allowed}))")
    return " OR ".join(legs)


def _planned(version: str) -> str:
    return f"(SELECT coalesce(sum(hours), 0) FROM topic WHERE version_id = {version})"


def _state(version: str) -> str:
    return f"(SELECT state FROM programme_version WHERE id = {version})"


def _enrolled(table: str) -> str:
    return f"(SELECT count(*) FROM trainee WHERE intake_id = {table}.intake_id AND state = 'enrolled')"


def _year(sitting: str) -> str:
    return f"substr(CAST({sitting}.held_on AS TEXT), 1, 4)"


RULES: tuple[tuple[str, str, str, str, str], ...] = (
    ("version_content", "UPDATE", "programme_version", f"OLD.state IN {FROZEN} AND ({{differs}})", "4.2 frozen"),
    ("version_step", "UPDATE", "programme_version", _forbidden_steps(), "4.2 no such step"),
    (
        "version_adds_up",
        "UPDATE",
        "programme_version",
        "NEW.state = 'approved' AND OLD.state <> 'approved' AND " + _planned("NEW.id") + " <> NEW.hours",
        "4.2 topics do not add up",
    ),
    ("version_kept", "DELETE", "programme_version", f"OLD.state IN {FROZEN}", "4.2 frozen"),
    (
        # A version that is brought in approved gets its topics after it: until they make its hours.
        "topic_added",
        "INSERT",
        "topic",
        f"{_state('NEW.version_id')} IN {FROZEN} AND {_planned('NEW.version_id')} + NEW.hours > "
        "(SELECT hours FROM programme_version WHERE id = NEW.version_id)",
        "4.2 frozen",
    ),
    (
        "topic_changed",
        "UPDATE",
        "topic",
        f"{_state('OLD.version_id')} IN {FROZEN} OR {_state('NEW.version_id')} IN {FROZEN}",
        "4.2 frozen",
    ),
    ("topic_kept", "DELETE", "topic", f"{_state('OLD.version_id')} IN {FROZEN}", "4.2 frozen"),
    ("competence_added", "INSERT", "competence", f"{_state('NEW.version_id')} IN {FROZEN}", "4.2 frozen"),
    (
        "competence_changed",
        "UPDATE",
        "competence",
        f"{_state('OLD.version_id')} IN {FROZEN} OR {_state('NEW.version_id')} IN {FROZEN}",
        "4.2 frozen",
    ),
    ("competence_kept", "DELETE", "competence", f"{_state('OLD.version_id')} IN {FROZEN}", "4.2 frozen"),
    (
        "intake_made",
        "INSERT",
        "intake",
        f"NEW.published_at IS NOT NULL AND {_state('NEW.version_id')} <> 'approved'",
        "4.2 published without approval",
    ),
    (
        "intake_published",
        "UPDATE",
        "intake",
        f"NEW.published_at IS NOT NULL AND {_state('NEW.version_id')} <> 'approved'",
        "4.2 published without approval",
    ),
    (
        "intake_version_kept",
        "UPDATE",
        "intake",
        "OLD.published_at IS NOT NULL AND OLD.version_id <> NEW.version_id",
        "4.2 a published intake stays on its version",
    ),
    (
        "trainee_added",
        "INSERT",
        "trainee",
        f"NEW.state = 'enrolled' AND {_enrolled('NEW')} >= (SELECT capacity FROM intake WHERE id = NEW.intake_id)",
        "no place is free",
    ),
    (
        "trainee_returned",
        "UPDATE",
        "trainee",
        f"NEW.state = 'enrolled' AND OLD.state <> 'enrolled' AND {_enrolled('NEW')} >= "
        "(SELECT capacity FROM intake WHERE id = NEW.intake_id)",
        "no place is free",
    ),
    ("sitting_closed", "UPDATE", "sitting", "OLD.closed_at IS NOT NULL", "the protocol is signed"),
    ("sitting_kept", "DELETE", "sitting", "OLD.closed_at IS NOT NULL", "the protocol is signed"),
    (
        "agenda_added",
        "INSERT",
        "agenda_item",
        "(SELECT closed_at FROM sitting WHERE id = NEW.sitting_id) IS NOT NULL",
        "the protocol is signed",
    ),
    (
        "agenda_changed",
        "UPDATE",
        "agenda_item",
        "(SELECT closed_at FROM sitting WHERE id = OLD.sitting_id) IS NOT NULL",
        "the protocol is signed",
    ),
    ("agenda_kept", "DELETE", "agenda_item", "OLD.decision IS NOT NULL", "the item is decided"),
    (
        "protocol_number_once",
        "INSERT",
        "sitting",
        "EXISTS (SELECT 1 FROM sitting other WHERE other.protocol_number = NEW.protocol_number AND "
        + _year("other")
        + " = "
        + _year("NEW")
        + ")",
        "the protocol number is taken",
    ),
    (
        "protocol_number_kept",
        "UPDATE",
        "sitting",
        "EXISTS (SELECT 1 FROM sitting other WHERE other.id <> NEW.id AND other.protocol_number = NEW.protocol_number "
        "AND " + _year("other") + " = " + _year("NEW") + ")",
        "the protocol number is taken",
    ),
    ("site_end_kept", "DELETE", "site_end", "1 = 1", "8.1 nothing is deleted"),
    ("site_kept", "DELETE", "site", "1 = 1", "8.1 nothing is deleted"),
)
"""Name, statement, table, what must not be, and what the database says. Each is tried by tests/regulation."""
LOCKING = ("trainee_added", "trainee_returned")
"""On PostgreSQL these lock the intake's row first: two at once can't both count a free place."""


WAITING = sa.text("decision IS NULL")


def upgrade() -> None:
    """Add the triggers, and that a version stands on one agenda at a time."""
    op.create_index(
        "uq_agenda_item_waiting",
        "agenda_item",
        ["version_id"],
        unique=True,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, statement, table, forbidden, words in RULES:
        condition = forbidden.format(differs=_differs(CONTENT, "IS NOT" if is_sqlite else "IS DISTINCT FROM"))
        if is_sqlite:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {statement} ON {table} WHEN {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
            )
            continue
        lock = "PERFORM 1 FROM intake WHERE id = NEW.intake_id FOR NO KEY UPDATE; " if name in LOCKING else ""
        if name in LOCKING:
            lock = f"IF NEW.state = 'enrolled' THEN {lock}END IF; "
        gives = "OLD" if statement == "DELETE" else "NEW"
        op.execute(
            f"CREATE FUNCTION refuse_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {lock}"
            f"IF {condition} THEN RAISE EXCEPTION '{words}' USING ERRCODE = 'check_violation'; END IF; "
            f"RETURN {gives}; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} BEFORE {statement} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_{name}()")


def downgrade() -> None:
    """Drop them."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, _statement, table, _forbidden, _words in RULES:
        op.execute(f"DROP TRIGGER {name}" if is_sqlite else f"DROP TRIGGER {name} ON {table}")
        if not is_sqlite:
            op.execute(f"DROP FUNCTION refuse_{name}()")
    op.drop_index("uq_agenda_item_waiting", "agenda_item")
