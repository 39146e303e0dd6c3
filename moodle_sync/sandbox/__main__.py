"""The command line of the pocket Moodle."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from . import FaultSpecError, SeedError, running_sandbox


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    options = argparse.ArgumentParser(prog="python -m moodle_sync.sandbox", description="A pocket Moodle.")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=8800)
    options.add_argument("--url", help="public address and issuer (default: http://localhost:PORT)")
    options.add_argument("--seed", type=Path, help="JSON file; the format is told by help(moodle_sync.sandbox)")
    options.add_argument("--token", help="web-service token (default: a random one)")
    options.add_argument("--latency", type=float, default=0.0, metavar="MS", help="of each web-service call")
    options.add_argument("--row-cost", type=float, default=0.0, metavar="MS", help="of each row in a call")
    options.add_argument("--faults", default="", metavar="SPEC", help="KIND[@FUNCTION][#OCCURRENCES];…")
    options.add_argument("--hang", type=float, default=30.0, metavar="S", help="how long timeouts hang")
    return options


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    given = parser().parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        seed = json.loads(given.seed.read_text("utf-8")) if given.seed else None
        with running_sandbox(
            seed,
            host=given.host,
            port=given.port,
            url=(given.url or f"http://localhost:{given.port}").rstrip("/"),
            token=given.token,
            latency=given.latency / 1000,
            row_cost=given.row_cost / 1000,
            faults=given.faults,
            hang=given.hang,
        ) as sandbox:
            sys.stdout.write(f"sandbox Moodle ready at {sandbox.url}\n")
            sys.stdout.flush()
            ended.wait()
    except (SeedError, FaultSpecError, OSError, json.JSONDecodeError) as error:
        sys.stderr.write(f"sandbox Moodle can't start: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
