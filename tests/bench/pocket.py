"""A pocket Moodle in a process of its own, so that its work and memory are not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

TOKEN = "bench"
SERVER = """
import json, sys, threading
from moodle_sync.sandbox import actions, running_sandbox
numbers = json.load(sys.stdin)
users = [
    {"username": n, "idnumber": n, "firstname": "И", "lastname": "Ф", "email": f"{n}@example.org"} for n in numbers
]
seed = {"users": users, "courses": [{"shortname": "TEMPLATE", "fullname": "T"}]}
with running_sandbox(seed, token="bench", latency=float(sys.argv[1])) as sandbox:
    (template,) = (course for course in sandbox.state.courses.values() if course.shortname == "TEMPLATE")
    actions.add_tool_link(sandbox.state, template, 1, "T")
    print(sandbox.url, flush=True)
    threading.Event().wait()
"""


@contextmanager
def pocket_moodle(idnumbers: Sequence[str], *, latency: float = 0.03) -> Iterator[tuple[str, str]]:
    """Run a Moodle with a template and an account for each number; yield its address and token."""
    command = [sys.executable, "-c", SERVER, str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            json.dump(idnumbers, process.stdin)
            process.stdin.close()
            yield process.stdout.readline().strip(), TOKEN
        finally:
            process.kill()
