"""Times whole commands in turn: A B A B."""
import dataclasses
import os
import shlex
import signal
import statistics
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
PROGRAM = os.path.join(BUILD, "s3-ingestor")
STOPWATCH = os.path.join(BUILD, "tests", "stopwatch")
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
CLEAN = {"PATH": PATH, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
         "AWS_EC2_METADATA_DISABLED": "true"}
PEER_S = 30  # a peer sits out once its runs took as long together


class Failure(Exception):
    """Something that is no measurement; the item ends, the next goes on."""


class Missing(Exception):
    """What an item needs is not here: it is left out, by name."""


@dataclasses.dataclass
class Options:
    """What was asked for. small picks the size for it."""
    quick: bool
    pairs: int

    def size(self, full, small):
        return small if self.quick else full


@dataclasses.dataclass
class Sample:
    wall_s: float
    cpu_s: float
    peak_mib: float
    requests: int = None
    connections: int = None
    first_byte_s: float = None


@dataclasses.dataclass
class Command:
    """One way to do the work. before runs untimed ahead of each sample; check
    raises Failure if the warm-up did not do the work. counter says what a
    server was asked for so far. A peer has no warm-up and may sit out."""
    name: str
    argv: list
    before: object = None
    check: object = None
    counter: object = None
    is_peer: bool = False
    env: dict = dataclasses.field(default_factory=dict)
    samples: list = dataclasses.field(default_factory=list)

    def run(self):
        if self.before:
            self.before()
        asked = self.counter() if self.counter else None
        sample, start_s = self._watch()
        if asked:
            now = self.counter()
            sample.requests = now.requests - asked.requests
            sample.connections = now.connections - asked.connections
            if now.last_s:
                sample.first_byte_s = now.last_s - start_s
        return sample

    def _watch(self):
        status, said = run_group([STOPWATCH] + self.argv,
                                 dict(CLEAN, **self.env))
        if status != 0:
            raise Failure("%s: status %d: %s" % (
                self.name, status, " ".join(said.splitlines()[-3:-1])))
        wall, user, system, peak, _, start = map(
            int, said.splitlines()[-1].split())
        return Sample(wall / 1e6, (user + system) / 1e6,
                      peak / 1024), start / 1e6

    def median(self, field):
        values = [getattr(sample, field) for sample in self.samples]
        if not values or None in values:
            return None
        return statistics.median(values)

    def has_had_enough(self):
        return self.is_peer and sum(s.wall_s for s in self.samples) > PEER_S

    def shown(self):
        extra = ["%s=%s" % item for item in sorted(self.env.items())]
        return " ".join(extra + [shlex.join(self.argv)])


def run_group(argv, env):
    """Run it in a session of its own, of which nothing is left in the end
    however this ends. Its status, and what it said on stderr."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=env, start_new_session=True) as child:
        try:
            said = child.communicate()[1]
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
    return child.returncode, said.decode(errors="replace")


def in_turn(commands, rounds):
    """Each command once to warm up, then all of them in turn, so that what
    else the machine does hits all alike."""
    for command in commands:
        if not command.is_peer:
            warm_up(command)
    for number in range(rounds):
        for command in commands:
            if command.has_had_enough():
                continue
            command.samples.append(command.run())
            if number == 0 and command.is_peer and command.check:
                command.check()


def warm_up(command):
    command.run()
    if command.check:
        command.check()


def pairs(command, base, field):
    """The samples of both that were taken in the same round."""
    return [(getattr(a, field), getattr(b, field))
            for a, b in zip(command.samples, base.samples)]


def ratio(command, base, field="wall_s"):
    """The median of the ratios of the pairs: what hits a pair, hits both."""
    return statistics.median(a / b for a, b in pairs(command, base, field)
                             if b)


def difference(command, base, field="wall_s"):
    return statistics.median(a - b for a, b in pairs(command, base, field))


def wait_until(is_true, what, seconds=20):
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise Failure("%s in %d s" % (what, seconds))
        time.sleep(0.02)
