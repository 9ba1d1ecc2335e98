#!/usr/bin/env python3
"""fleet.py [--agents N] [--splay S] [--out FILE]: a fleet phones home.

Starts the example mothership and N times the program, as cron does on N
machines at the same minute: each in a home of its own, configured, with nothing
to upload. First without a splay, then with one; after each the arrival curve,
by what the mothership has on record. One machine cannot start N programs at
one instant, so the curve counts from each one's own start, and no more are
started at once than can run. What N requests at one instant do to the
mothership is seen by plain sockets that send what the program sent.

A splay depends on host and prefix: here the host is one, the prefixes differ.

Each line of FILE is one agent: its name, the --splay it was given, the part of
it that is its own by the hash of host and prefix, when it was started and when
its request arrived (in seconds from the first start), how often the mothership
heard of it, its exit status. FILE.svg is the curve, where there is gnuplot.

Ends with 0 when each was heard once and ended with 0.
"""
import argparse
import asyncio
import collections
import dataclasses
import datetime
import hashlib
import json
import math
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from measure import BUILD, CLEAN, ROOT, STOPWATCH

PROGRAM = os.environ.get("S3_INGESTOR", os.path.join(BUILD, "s3-ingestor"))
MOTHERSHIP = os.path.join(ROOT, "examples", "mothership.py")
AGENTS_MOST = 5000
SPLAY_MOST_S = 600
# to start all of them, and for all to end once the last splay is over
PATIENCE_S = 600
BAR = 50
KEYS = {"access_key_id": "FAKEACCESSKEY", "secret_access_key": "fake/secret"}


@dataclasses.dataclass
class Agent:
    name: str
    home: str
    splay_s: int
    own_splay_s: float
    started: float = 0.0
    arrived: float = math.nan
    contacts: int = 0
    status: int = -1
    process: subprocess.Popen = None

    def argv(self):
        splay = ["--splay", str(self.splay_s)] if self.splay_s else []
        return [PROGRAM, "--home", self.home, "--prefix", self.name,
                "--action", "heartbeat", *splay]

    def start(self):
        with open(os.path.join(self.home, "said"), "w") as said:
            self.started = time.time()
            self.process = subprocess.Popen(
                self.argv(), env=CLEAN, stdin=subprocess.DEVNULL,
                stdout=said, stderr=said)

    def wait(self, deadline):
        try:
            left = max(0, deadline - time.time())
            self.status = self.process.wait(timeout=left)
        except subprocess.TimeoutExpired:
            self.end()

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def is_busy(self):
        """Neither asleep nor at its end."""
        with open("/proc/%d/stat" % self.process.pid) as text:
            return text.read().rsplit(")", 1)[1].split()[0] in "RD"

    def is_good(self):
        return self.contacts == 1 and self.status == 0

    def delay_s(self):
        return self.arrived - self.started


def own_splay_s(prefix, splay_s):
    """What --splay says it does: the first 32 bits of a SHA-256 as a part."""
    digest = hashlib.sha256(b"%s\n%s" % (socket.gethostname().encode(),
                                         prefix.encode())).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 * splay_s


# ---- the fleet and its mothership ----

def write_json(path, value):
    with open(path, "w") as out:
        json.dump(value, out)
    os.chmod(path, 0o600)


def make_agent(folder, number, port, splay_s):
    name = "agent-%04d" % number
    home = os.path.join(folder, name)
    os.mkdir(home, 0o700)
    stem = os.path.join(home, name)
    write_json(stem + ".json", {
        "host_service": "http", "host_dns": "127.0.0.1", "host_port": port,
        "hostname_override": name, "s3_bucket": "bucket",
        "policies": [{"input_file_pattern": "data/**/*"}]})
    write_json(stem + "-context.json", {"state": "configured"})
    write_json(stem + "-keys.json", KEYS)
    return Agent(name, home, splay_s, own_splay_s(name, splay_s))


def start_mothership(folder, count):
    """With a record of each agent, so that it knows the whole fleet."""
    state = os.path.join(folder, "hosts.json")
    write_json(state, {"agent-%04d" % number:
                       {"state": "configured", "contacts": 0}
                       for number in range(count)})
    port_file = os.path.join(folder, "port")
    with open(os.path.join(folder, "mothership.log"), "w") as log:
        process = subprocess.Popen(
            [sys.executable, MOTHERSHIP, "serve", "--state", state,
             "--port-file", port_file], stdout=log, stderr=log)
    for _ in range(400):
        if os.path.exists(port_file):
            with open(port_file) as text:
                return process, int(text.read()), state
        time.sleep(0.05)
    process.kill()
    raise SystemExit("%s did not start" % MOTHERSHIP)


def read_record(state, agents):
    with open(state) as text:
        hosts = json.load(text)
    for agent in agents:
        host = hosts[agent.name]
        agent.contacts = host["contacts"]
        if "seen" in host:
            agent.arrived = datetime.datetime.fromisoformat(
                host["seen"]).timestamp()


def share_kib(agent):
    """Of the memory in use, its part of what all have in common too; 0 when it
    has come to its end."""
    try:
        with open("/proc/%d/smaps_rollup" % agent.process.pid) as text:
            return sum(int(line.split()[1]) for line in text
                       if line.startswith("Pss:"))
    except OSError: # it has just ended
        return 0


def show_asleep(agents):
    alive = [agent for agent in agents if agent.process.poll() is None]
    most_kib = max(map(share_kib, alive[-20:]), default=0)
    if most_kib:
        print("  one that sleeps takes %d KiB of memory" % most_kib)


def start_all(agents):
    """No more at once than can run: each is late for itself, not for others."""
    deadline = time.time() + PATIENCE_S
    busy = []
    for agent in agents:
        while len(busy) >= 2 * os.cpu_count():
            time.sleep(0.001)
            busy = [agent for agent in busy if agent.is_busy()]
            if time.time() > deadline:
                raise SystemExit("this machine is too slow for that many")
        agent.start()
        busy.append(agent)


def run_all(agents):
    start_all(agents)
    last = agents[-1].started
    print("  started within %.1f s" % (last - agents[0].started))
    if agents[0].splay_s:
        show_asleep(agents)
    for agent in agents:
        agent.wait(last + agent.splay_s + PATIENCE_S)


def tick(folder, count, splay_s):
    """A fleet of its own, for one tick; all processes are gone after it."""
    os.mkdir(folder)
    mothership, port, state = start_mothership(folder, count)
    agents = []
    try:
        agents += [make_agent(folder, number, port, splay_s)
                   for number in range(count)]
        run_all(agents)
        read_record(state, agents)
    finally:
        for agent in agents:
            agent.end()
        mothership.terminate()
        mothership.wait()
    return agents


# ---- all at one instant ----

def one_run(folder):
    """The bytes that one run sends, and its peak memory in KiB."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        agent = make_agent(folder, 0, server.getsockname()[1], 0)
        watch = subprocess.Popen([STOPWATCH] + agent.argv(), env=CLEAN,
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE)
        with server.accept()[0] as peer:
            sent = read_request(peer)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        said = watch.communicate()[1]
    return sent, int(said.splitlines()[-1].split()[3])


def read_request(peer):
    sent = b""
    while b"\r\n\r\n" not in sent or not sent.endswith(b"}}"):
        more = peer.recv(65536)
        if not more:
            raise SystemExit("the program hung up: %r" % sent)
        sent += more
    return sent


async def ask(port, request):
    """How long the answer took, in seconds; None: there was none."""
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        status = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        writer.close()
    except (OSError, asyncio.TimeoutError):
        return None
    return time.monotonic() - began if b" 200 " in status else None


async def ask_all(port, requests):
    return await asyncio.gather(*(ask(port, each) for each in requests))


def burst(folder, count, request):
    os.mkdir(folder)
    mothership, port, _ = start_mothership(folder, count)
    try:
        took = asyncio.run(ask_all(port, [
            request.replace(b"agent-0000", b"agent-%04d" % number)
            for number in range(count)]))
    finally:
        mothership.terminate()
        mothership.wait()
    answered = sorted(one for one in took if one is not None)
    print("\n%d at one instant, by plain sockets" % count)
    print("  answered: %d, refused or cut: %d" % (
        len(answered), count - len(answered)))
    if answered:
        print("  the answer took %.1f s, in 95 of 100 at most %.1f s, at most "
              "%.1f s" % (statistics.median(answered),
                          answered[int(0.95 * (len(answered) - 1))],
                          answered[-1]))


# ---- what came of it ----

def per_second(agents):
    """How many arrived in each second after their start."""
    counts = collections.Counter(int(agent.delay_s()) for agent in agents)
    return [counts[second] for second in range(max(counts, default=0) + 1)]


def show_curve(counts):
    most = max(counts)
    for second, count in enumerate(counts):
        bar = "#" * math.ceil(count / most * BAR) if most else ""
        print("  %4d s %5d %s" % (second, count, bar))


def show_rates(counts):
    ordered = sorted(counts)
    print("  requests a second: mean %.1f, median %d, 95 %% of the seconds at "
          "most %d, most %d" % (statistics.mean(counts),
                                statistics.median(counts),
                                ordered[int(0.95 * (len(ordered) - 1))],
                                ordered[-1]))


def show_outcome(agents):
    statuses = collections.Counter(agent.status for agent in agents)
    print("  exit statuses: %s" % ", ".join(
        "%d x %s" % (count, "not ended" if status == -1 else status)
        for status, count in sorted(statuses.items())))
    print("  arrived: %d, more than once: %d, failed: %d" % (
        sum(agent.contacts > 0 for agent in agents),
        sum(agent.contacts > 1 for agent in agents),
        sum(not agent.is_good() for agent in agents)))
    for agent in [agent for agent in agents if agent.status != 0][:3]:
        with open(os.path.join(agent.home, "said")) as said:
            print("    %s: %s" % (agent.name, said.read().strip()[:300]))


def poisson_most(mean, bins):
    """What the fullest of so many bins does not exceed in 99 cases of 100,
    where each arrival picks its bin at random."""
    at_most, count = 0.0, -1
    while at_most ** bins < 0.99:
        count += 1
        at_most += math.exp(count * math.log(mean) - mean -
                            math.lgamma(count + 1))
    return count


def chance_of(chi_square, freedom):
    """Of a value as large or larger, by Wilson and Hilferty."""
    spread = 2 / (9 * freedom)
    z = ((chi_square / freedom) ** (1 / 3) - (1 - spread)) / spread ** 0.5
    return 1 - statistics.NormalDist().cdf(z)


def show_uniformity(agents, splay_s):
    bins = [0] * splay_s
    for agent in agents:
        bins[int(agent.own_splay_s)] += 1
    mean = len(agents) / splay_s
    chi_square = sum((count - mean) ** 2 / mean for count in bins)
    chance = chance_of(chi_square, splay_s - 1)
    print("  splays: %.1f expected in each second, most %d (by chance up to "
          "%d)" % (mean, max(bins), poisson_most(mean, splay_s)))
    print("  splays: chi-square %.1f, %d degrees of freedom, p = %.2f: %s" % (
        chi_square, splay_s - 1, chance,
        "uniform" if chance >= 0.01 else "NOT uniform"))


def show_splays(agents):
    late = [agent.delay_s() - agent.own_splay_s for agent in agents]
    print("  splays that differ: %d, requests before the own splay was over: "
          "%d" % (len({agent.own_splay_s for agent in agents}),
                  sum(s < 0 for s in late)))
    print("  requests after it: median %.0f ms, most %.0f ms" % (
        statistics.median(late) * 1e3, max(late) * 1e3))


def show(agents, splay_s):
    heard = [agent for agent in agents if agent.contacts]
    if heard:
        show_curve(per_second(heard))
        show_rates(per_second(heard))
    show_outcome(agents)
    if splay_s > 1 and heard:
        show_uniformity(heard, splay_s)
        show_splays(heard)


# ---- for others to read ----

def write_table(path, agents):
    with open(path, "w") as out:
        out.write("#name\tsplay\town_splay\tstarted\tarrived\tcontacts"
                  "\tstatus\n")
        first = {agent.splay_s: agent.started for agent in reversed(agents)}
        for agent in agents:
            out.write("%s\t%d\t%.3f\t%.3f\t%.3f\t%d\t%d\n" % (
                agent.name, agent.splay_s, agent.own_splay_s,
                agent.started - first[agent.splay_s],
                agent.arrived - first[agent.splay_s],
                agent.contacts, agent.status))


def plot(table, svg, splay_s):
    series = ", ".join(
        "'%s' using ($2 == %d ? floor($5 - $4) : NaN):(1) smooth frequency "
        "with histeps title '%s'" % (table.replace("'", "''"), splay,
                                     "--splay %d" % splay
                                     if splay else "no splay")
        for splay in (0, splay_s))
    subprocess.run(["gnuplot", "-e",
                    "set terminal svg size 800,400 background 'white'; "
                    "set output '%s'; set xlabel 'seconds after its start'; "
                    "set ylabel 'requests a second'; set yrange [0:]; "
                    "set xrange [-1:%d]; plot %s" % (
                        svg.replace("'", "''"), splay_s + 2, series)],
                   check=True)


def read_options():
    def number(most):
        def read(text):
            if not 1 <= int(text) <= most:
                raise ValueError
            return int(text)
        return read
    parser = argparse.ArgumentParser(
        description="A fleet phones home: the arrival curve.")
    parser.add_argument("--agents", type=number(AGENTS_MOST), default=2000)
    parser.add_argument("--splay", type=number(SPLAY_MOST_S), default=60)
    parser.add_argument("--out", help="a table of all, and FILE.svg beside it")
    return parser.parse_args()


def allow_files(count):
    """Two for each connection, and some."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * count + 100
    if most != resource.RLIM_INFINITY and most < wanted:
        raise SystemExit("more open files are needed: %d" % wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def run(options, work):
    request, peak_kib = one_run(work)
    print("one run sends %d bytes in one request and takes at most %d KiB of "
          "memory, what it shares included" % (len(request), peak_kib))
    burst(os.path.join(work, "burst"), options.agents, request)
    agents = []
    for splay_s in (0, options.splay):
        print("\n%d agents, %s" % (
            options.agents, "--splay %d" % splay_s if splay_s else "no splay"))
        fleet = tick(os.path.join(work, str(splay_s)), options.agents, splay_s)
        show(fleet, splay_s)
        agents += fleet
    return agents


def main():
    options = read_options()
    sys.stdout.reconfigure(line_buffering=True)
    # as an exception it ends what was started, and cleans up
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    allow_files(options.agents)
    with tempfile.TemporaryDirectory(prefix="fleet.") as work:
        agents = run(options, work)
    if options.out:
        write_table(options.out, agents)
        if shutil.which("gnuplot"):
            plot(options.out, options.out + ".svg", options.splay)
    return not all(agent.is_good() for agent in agents)


if __name__ == "__main__":
    sys.exit(main())
