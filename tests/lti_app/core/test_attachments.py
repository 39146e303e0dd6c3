"""A file is taken for what its content is, stands on the disk before its row, and goes when nothing names it."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from lti_app.core.attachment_store import AttachmentStore
from lti_app.core.attachment_sweep import check_of, sweep
from lti_app.core.attachments import (
    MOST_OF_ONE,
    Attachment,
    Upload,
    add_attachment,
    attachments_of,
    remove_attachment,
    safe_name,
)
from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.edge import deliver
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.file_kinds import KINDS, HasMacros, kind_of
from lti_app.core.permissions import Actor
from tests.lti_app.core.documents import EXE, JPEG, PDF, WORD, archive, docx, odf, png, xlsx
from tests.lti_app.world import NOW, World

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
LEADER = Actor(person_id=3, name="Руководителева Раиса")


@pytest.fixture
def store(tmp_path: Path) -> AttachmentStore:
    return AttachmentStore(tmp_path / "files", endings=("pdf", "docx", "jpg"), megabytes=1)


def test_a_kind_is_told_by_the_content_alone() -> None:
    whole = {
        "pdf": PDF,
        "docx": docx(),
        "xlsx": xlsx(),
        "odt": odf("text"),
        "ods": odf("spreadsheet"),
        "jpg": JPEG,
        "png": png(),
    }
    assert {ending: kind_of(content) for ending, content in whole.items()} == KINDS

    encrypted = bytearray(docx())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.find(mark) + offset] |= 1
    nothing = {
        "a program": EXE,
        "a web page": b"<html><script>alert(1)</script></html>",
        "text": "Приказ".encode(),
        "an archive that is no document": archive({"a.exe": EXE}),
        "two main parts": docx(main=f'{WORD}"/><Override ContentType="{SHEET}'),
        "a document of another kind": odf("graphics"),
        "a picture with an archive behind it": png() + archive({"a": "b"}),
        "a program before a document": EXE + docx(),
        "an archive cut off": docx()[:-30],
        "encrypted": bytes(encrypted),
        "a bomb": docx(more={"word/media/zeros.bin": b"\0" * (40 * 1024 * 1024)}),
        "a list of parts too long": archive({"[Content_Types].xml": b" " * (2 * 1024 * 1024)}),
    }
    assert {name: kind_of(content) for name, content in nothing.items()} == dict.fromkeys(nothing)


@pytest.mark.parametrize(
    "content",
    [
        docx(more={"word/vbaProject.bin": b"x"}),
        docx(more={"word/VBAPROJECT.BIN": b"x"}),
        docx(main="application/vnd.ms-word.document.macroEnabled.main+xml"),
        docx(main="application/vnd.ms-office.vbaProject"),
        odf("text", {"Basic/Standard/Module1.xml": "x"}),
        odf("spreadsheet", {"Scripts/python/x.py": "x"}),
    ],
)
def test_documents_with_macros_are_told(content: bytes) -> None:
    with pytest.raises(HasMacros):
        kind_of(content)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("приказ № 5.pdf", "приказ № 5.pdf"),
        ("приказ.PDF", "приказ.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Документы\\приказ.pdf", "приказ.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "a Set-Cookie x=1.pdf"),
        ("счёт\u202efdp.exe", "счётfdp.exe.pdf"),
        ("\u200b\u2066.pdf", "file.pdf"),
        ('a"b<c>.pdf', "abc.pdf"),
        ("", "file.pdf"),
        ("я" * 400 + ".pdf", "я" * 150 + ".pdf"),
    ],
)
def test_a_name_is_for_people_alone(name: str, shown: str) -> None:
    assert safe_name(name, KINDS["pdf"]) == shown


def test_a_file_is_added_listed_and_removed_and_the_history_says_so(database: Database, store: AttachmentStore) -> None:
    with database.transaction() as session:
        site = World(session).site
        row = add_attachment(
            session, store, owner=site, purpose="scan", upload=Upload("приказ.pdf", PDF), actor=LEADER, now=NOW
        )
        add_attachment(session, store, owner=site, purpose="photo", upload=Upload("x", JPEG), actor=LEADER, now=NOW)
        assert [file.name for file in attachments_of(session, site)] == ["приказ.pdf", "x.jpg"]
        assert attachments_of(session, site, "scan") == [row]
        assert (row.media_type, row.size, row.added_by_id) == ("application/pdf", len(PDF), 3)
        path = store.path(row.stored_as)
        assert path.read_bytes() == PDF
        assert path.relative_to(store.folder).parts == (row.stored_as[:2], row.stored_as[2:4], row.stored_as)
        assert list(check_of(store).breaches(session)) == []

        remove_attachment(session, row.id, actor=LEADER, now=NOW, owner=site)

        assert attachments_of(session, site, "scan") == []
        assert path.exists()
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [(entry.action, entry.object_type, entry.changes) for entry in entries] == [
            ("add_attachment", "site", {"attachment": [None, "приказ.pdf"]}),
            ("add_attachment", "site", {"attachment": [None, "x.jpg"]}),
            ("remove_attachment", "site", {"attachment": ["приказ.pdf", None]}),
        ]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("scan.pdf", b"", "attachment_empty"),
        ("scan.pdf", EXE, "attachment_kind"),
        ("scan.pdf", png(), "attachment_kind"),  # known, but not among those that this installation takes
        ("scan.pdf", docx(more={"word/vbaProject.bin": b"x"}), "attachment_has_macros"),
        ("scan.pdf", PDF + b" " * 1024 * 1024, "attachment_too_large"),
    ],
)
def test_what_is_not_taken_leaves_no_trace(
    database: Database, store: AttachmentStore, name: str, content: bytes, code: str
) -> None:
    with database.session() as session:
        site = World(session).site
        with pytest.raises(DomainError) as refusal:
            add_attachment(
                session, store, owner=site, purpose="scan", upload=Upload(name, content), actor=LEADER, now=NOW
            )
        assert (refusal.value.code, refusal.value.field) == (code, "scan")
        assert session.scalar(select(func.count()).select_from(Attachment)) == 0
    assert not store.folder.exists()


def test_a_row_has_a_limited_number_of_files_and_foreign_ones_cannot_be_removed(
    database: Database, store: AttachmentStore
) -> None:
    with database.session() as session:
        here, there = World(session), World(session, "b")
        for _ in range(MOST_OF_ONE):
            row = add_attachment(
                session, store, owner=here.site, purpose="scan", upload=Upload("a", PDF), actor=LEADER, now=NOW
            )
        with pytest.raises(DomainError, match="too_many_attachments"):
            add_attachment(
                session, store, owner=here.site, purpose="scan", upload=Upload("a", PDF), actor=LEADER, now=NOW
            )
        for foreign_id, owner in ((row.id, there.site), (row.id, here.organisation), (999, None)):
            with pytest.raises(NotFound):
                remove_attachment(session, foreign_id, actor=LEADER, now=NOW, owner=owner)
        remove_attachment(session, row.id, actor=LEADER, now=NOW)
        with pytest.raises(NotFound):
            remove_attachment(session, row.id, actor=LEADER, now=NOW)


def _age(store: AttachmentStore, name: str, **by: float) -> None:
    moment = (NOW - timedelta(**by)).timestamp()
    os.utime(store.path(name), (moment, moment))


def test_a_sweep_takes_what_nothing_names_and_nothing_else(app: Flask, database: Database) -> None:
    parts = app.extensions["ploshchadka"]
    store: AttachmentStore = parts.services["attachments"]
    with database.transaction() as session:
        site = World(session).site
        kept, fresh, old = (
            add_attachment(session, store, owner=site, purpose="scan", upload=Upload("a", PDF), actor=LEADER, now=NOW)
            for _ in range(3)
        )
        remove_attachment(session, fresh.id, actor=LEADER, now=NOW - timedelta(days=29))
        remove_attachment(session, old.id, actor=LEADER, now=NOW - timedelta(days=31))
        names = [row.stored_as for row in (kept, fresh, old)]
    with database.session() as session:  # the process dies between the file and the commit of its row
        site = session.merge(site)
        lost = add_attachment(
            session, store, owner=site, purpose="scan", upload=Upload("a", PDF), actor=LEADER, now=NOW
        ).stored_as
        session.rollback()
    young = store.write(b"its transaction is still open")
    part = store.path(store.write(b"cut off while it was written"))
    part.rename(part.with_name(f"{part.name}.part"))
    foreign = store.folder / "ab" / "cd" / "notes.txt"
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("somebody else's", encoding="utf-8")
    for name in (*names, lost, f"{part.name}.part"):
        _age(store, name, days=2)
    _age(store, young, hours=23)
    os.utime(foreign, (0, 0))

    deliver(parts)

    there = {name for name in (*names, lost, young, f"{part.name}.part") if store.size(name) is not None}
    assert there == {*names[:2], young}
    assert foreign.exists()
    with database.session(writes=False) as session:
        assert list(check_of(store).breaches(session)) == []
        store.remove([names[0]])
        assert list(check_of(store).breaches(session)) == [f"attachment {kept.id} has no file"]
        store.path(names[0]).write_bytes(b"x")
        assert list(check_of(store).breaches(session)) == [f"attachment {kept.id} has {len(PDF)} bytes, its file 1"]


def test_a_sweep_is_made_once_a_day_and_not_by_a_database_that_knows_no_file(
    database: Database, store: AttachmentStore
) -> None:
    with database.session(writes=False) as session:
        assert sweep(session, store, NOW) == 0  # no folder yet
        name = store.write(b"of another database")
        _age(store, name, days=40)
        assert sweep(session, store, NOW) == 0
        assert store.size(name) is not None
        World(session)
        site = World(session, "b").site
        add_attachment(session, store, owner=site, purpose="scan", upload=Upload("a", PDF), actor=LEADER, now=NOW)
        assert sweep(session, store, NOW) == 1
        other = store.write(b"another")
        _age(store, other, days=40)
        assert sweep(session, store, NOW + timedelta(hours=23)) == 0
        assert sweep(session, store, NOW + timedelta(hours=24)) == 1


def test_a_path_is_made_of_the_stores_own_names_alone(store: AttachmentStore) -> None:
    for name in ("../../etc/passwd", "a" * 31, "A" * 32, "a" * 32 + "/x"):
        with pytest.raises(ValueError):
            store.path(name)
