"""Tables of what was measured, for the terminal and for RESULTS.md."""
import dataclasses
import os
import platform
import re
import subprocess
import time

from measure import PROGRAM, ROOT, difference, ratio
from peers import find_tool, version_of

HEAD = ["", "wall ms", "ratio", "paired", "CPU ms", "ratio", "peak MiB",
        "ratio", "requests", "runs"]
EXPLAINED = """\
Each command is a whole process, timed by `tests/tools/stopwatch.c`; all
commands of a table run in turn, A B A B, after one run each to warm up (peers
are warmed by `--version` and sit out once their runs took 30 s). Figures are
medians. *ratio* divides medians by those of the first line; *paired* is the
median of the ratios of the runs of one round, which is what marks are held
against. CPU is user and system time, with children; peak is the largest
resident set of any one process; requests are those a server counted in one
run. curl's list (-K) names each file with its URL. A home has settings for the
bucket, the sink as its endpoint and one policy, data/**/*; `ca_file` over TLS,
and what a title names. WORK is a folder on tmpfs unless a title says disk.
"""


@dataclasses.dataclass
class Mark:
    text: str
    value: float
    limit: float
    unit: str = ""
    at_least: bool = False

    def is_met(self):
        if self.at_least:
            return self.value >= self.limit
        return self.value <= self.limit

    def __str__(self):
        return "%s: %.4g%s; mark: at %s %.4g%s: %s" % (
            self.text, self.value, self.unit,
            "least" if self.at_least else "most", self.limit, self.unit,
            "met" if self.is_met() else "NOT met")


@dataclasses.dataclass
class Table:
    """The first command is what the others are compared with."""
    title: str
    commands: list
    marks: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def note(self, text, *values):
        self.notes.append(text % values)

    def mark(self, text, value, limit, unit="", **more):
        self.marks.append(Mark(text, value, limit, unit, **more))

    def mark_ratio(self, ours, base, limit, field="wall_s"):
        names = {"wall_s": "wall", "cpu_s": "CPU", "peak_mib": "peak"}
        self.mark("%s, ours to %s" % (names[field], base.name),
                  ratio(ours, base, field), limit, " x")

    def mark_difference(self, ours, base, limit_ms):
        self.mark("wall, %s, above %s" % (ours.name, base.name),
                  difference(ours, base) * 1e3, limit_ms, " ms")

    def mark_peak(self, ours, limit_mib):
        self.mark("peak", ours.median("peak_mib"), limit_mib, " MiB")

    def mark_requests(self, ours, limit):
        self.mark("requests to S3", ours.median("requests"), limit)

    def rows(self):
        return [self.row(command) for command in self.commands]

    def row(self, command):
        base = self.commands[0]
        cells = [command.name]
        for field, scale in (("wall_s", 1e3), ("cpu_s", 1e3),
                             ("peak_mib", 1)):
            value, other = command.median(field), base.median(field)
            cells += ["%.1f" % (value * scale),
                      "%.2f" % (value / other) if other else "-"]
            if field == "wall_s":
                cells.append("%.2f" % ratio(command, base))
        asked = command.median("requests")
        return cells + ["-" if asked is None else "%d" % asked,
                        "%d" % len(command.samples)]

    def text(self):
        rows = [HEAD] + self.rows()
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
        lines = [self.title]
        for row in rows:
            cells = [row[0].ljust(widths[0])]
            cells += [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
            lines.append("  " + "  ".join(cells))
        lines += ["  " + str(mark) for mark in self.marks]
        return "\n".join(lines + ["  " + note for note in self.notes])

    def markdown(self):
        lines = ["### " + self.title, "", "| %s |" % " | ".join(HEAD),
                 "|---|" + "---:|" * (len(HEAD) - 1)]
        lines += ["| %s |" % " | ".join(row) for row in self.rows()]
        lines += ["", *("- " + str(mark) for mark in self.marks),
                  *("- " + note for note in self.notes), "", "```"]
        lines += [shortened(command.shown()) for command in self.commands]
        return "\n".join(lines + ["```", ""])


@dataclasses.dataclass
class Facts:
    """Marks without a table of runs, or text and a picture."""
    title: str
    marks: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    picture: str = None
    note = Table.note
    mark = Table.mark

    def lines(self):
        return list(map(str, self.marks)) + self.notes

    def text(self):
        return "\n  ".join([self.title] + self.lines())

    def markdown(self):
        lines = ["### " + self.title, "", *("- " + x for x in self.lines())]
        if self.picture:
            lines += ["", "![%s](%s)" % (self.title, self.picture)]
        return "\n".join(lines + [""])


def shortened(command):
    """Without what is of this machine and this run only."""
    command = command.replace(PROGRAM, "s3-ingestor")
    command = re.sub(r"[^ '@:]*s3-ingestor-bench\.\w+", "WORK", command)
    command = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", command)
    return command.replace(ROOT + "/", "")


# ---- the whole ----

def first_line(path, start):
    try:
        with open(path) as text:
            for line in text:
                if line.startswith(start):
                    return line.split(":", 1)[-1].split("=", 1)[-1].strip()
    except OSError:
        pass
    return "unknown"


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    system = first_line("/etc/os-release", "PRETTY_NAME").strip('"')
    load = os.getloadavg()[0]
    idle = "" if load < 0.5 else ", not idle: times mean little"
    return ["CPU: %s, %d cores" % (first_line("/proc/cpuinfo", "model name"),
                                   os.cpu_count()),
            "memory: %.1f GiB" % (memory / 2**30),
            "kernel: %s %s" % (platform.system(), platform.release()),
            "system: %s" % system,
            "load when it began: %.2f%s" % (load, idle)]


def commit():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always",
                           "--dirty"], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return done.stdout.decode().strip() or "no git here"


def versions():
    lines = ["s3-ingestor: %s (%s)" % (version_of(PROGRAM), commit())]
    for name in ("find", "curl", "openssl", "rclone", "s3cmd", "aws", "nginx",
                 "radosgw", "gnuplot"):
        path = find_tool(name)
        lines.append("%s: %s" % (name, version_of(path) if path
                                 else "not there"))
    return lines


class Report:
    def __init__(self):
        self.machine = machine()
        self.versions = versions()
        self.parts = []
        self.left_out = []
        self.failures = []

    def add(self, part):
        self.parts.append(part)
        print("\n" + part.text(), flush=True)

    def fail(self, text):
        self.failures.append(text)
        print("\n" + text, flush=True)

    def leave_out(self, text):
        self.left_out.append(text)
        print("\n" + text, flush=True)

    def marks(self):
        return [(part.title, mark) for part in self.parts
                for mark in part.marks]

    def summary(self):
        marks = self.marks()
        missed = [(title, mark) for title, mark in marks if not mark.is_met()]
        lines = ["%d of %d marks met" % (len(marks) - len(missed),
                                         len(marks))]
        return lines + ["%s: %s" % pair for pair in missed] + (
            self.left_out + self.failures)

    def write(self, path, how):
        def as_list(items):
            return "".join("- %s\n" % item for item in items)
        summary = self.summary()
        with open(path + ".new", "w") as out:
            out.write("# What it costs\n\nWritten by `%s` on %s.\n\n" % (
                how, time.strftime("%Y-%m-%d", time.gmtime())))
            out.write("%s\n%s\n" % (EXPLAINED, as_list(self.machine)))
            out.write(as_list(self.versions))
            out.write("\n**%s.**\n\n%s\n" % (summary[0],
                                             shortened(as_list(
                                                 summary[1:]))))
            if len(summary) > 1:
                out.write("What is missed, and why: [PROFILE.md](PROFILE.md)."
                          "\n\n")
            out.write("\n".join(part.markdown() for part in self.parts))
        os.rename(path + ".new", path)
