"""A mail server for tests: speaks SMTP over a real socket, keeps what it was sent, refuses as it is told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """Answers by the first word of a command; ``answers`` replaces an answer, None drops the connection."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.answers: dict[str, str | None] = {}
        self.commands: list[str] = []
        self.mails: list[EmailMessage] = []

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline():
            command = line.decode().strip()
            self.server.commands.append(command)
            word = command.split(":")[0].split(" ")[0].upper()
            answer = self.server.answers.get(word, "354 go on" if word == "DATA" else "250 good")
            if answer is None:
                return
            self._say(answer)
            if word == "DATA" and answer.startswith("354"):
                self._take()
            if word == "QUIT":
                return

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        answer = self.server.answers.get(".", "250 taken")
        if answer is not None and answer.startswith("250"):
            self.server.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
        if answer is not None:
            self._say(answer)

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@contextmanager
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
