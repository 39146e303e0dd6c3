"""`make bench`: run the benchmarks one after the other; each prints a table for docs/measurements.md."""

from __future__ import annotations

import importlib
import os
import platform
import sys

NAMES = (
    "bench_launch",
    "bench_enrol",
    "bench_plan",
    "bench_moodle",
    "bench_pages",
    "bench_scale",
    "bench_lists",
    "bench_calendar",
    "bench_joins",
)


def main() -> None:
    wanted = sys.argv[1:] or NAMES
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores\n")
    for name in wanted:
        if name not in NAMES:
            sys.exit(f"no such benchmark: {name}; there are {', '.join(NAMES)}")
        importlib.import_module(f"tests.bench.{name}").main()
        print(flush=True)


if __name__ == "__main__":
    main()
