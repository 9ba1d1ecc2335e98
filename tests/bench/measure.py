"""Times whole commands in turn (A B A B) and puts the figures side by side."""
import dataclasses
import os
import statistics
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
CLEAN = {"PATH": os.environ["PATH"], "HOME": "/nonexistent",
         "LC_ALL": "C.UTF-8"}
STOPWATCH = os.path.join(BUILD, "tests", "stopwatch")


@dataclasses.dataclass
class Sample:
    wall_s: float
    cpu_s: float
    peak_mib: float


@dataclasses.dataclass
class Command:
    """One way to do the work. before runs untimed ahead of each sample."""
    name: str
    argv: list
    before: object = None
    statuses: tuple = (0,)
    samples: list = dataclasses.field(default_factory=list)

    def run(self):
        if self.before:
            self.before()
        done = subprocess.run([STOPWATCH] + self.argv,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False,
                              env=CLEAN)
        if done.returncode not in self.statuses:
            raise SystemExit("%s: status %d: %s" % (
                self.name, done.returncode, done.stderr.decode()[-2000:]))
        wall, user, system, peak, _ = map(
            int, done.stderr.decode().splitlines()[-1].split())
        return Sample(wall / 1e6, (user + system) / 1e6, peak / 1024)

    def median(self, field):
        return statistics.median(getattr(s, field) for s in self.samples)


def in_turn(commands, rounds):
    """Each command once to warm up, then all of them in turn, so that what
    else the machine does hits all alike."""
    for command in commands:
        command.run()
    for _ in range(rounds):
        for command in commands:
            command.samples.append(command.run())


def table(title, commands, note=""):
    """The first command is what the others are compared with."""
    print("\n%s" % title)
    print("  %-34s %10s %7s %9s %7s %9s %7s" % (
        "", "wall ms", "ratio", "CPU ms", "ratio", "peak MiB", "ratio"))
    first = commands[0]
    for command in commands:
        cells = []
        for field, scale in (("wall_s", 1e3), ("cpu_s", 1e3),
                             ("peak_mib", 1)):
            value = command.median(field)
            base = first.median(field)
            cells += [value * scale, value / base if base else 0]
        print("  %-34s %10.1f %6.2fx %9.1f %6.2fx %9.1f %6.2fx" % (
            command.name, *cells))
    if note:
        print("  " + note)
