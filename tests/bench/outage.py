#!/usr/bin/env python3
"""outage.py [--agents N] [--period P] [--splay S]: a fleet on paper.

What a mothership gets when the fleet's power comes back, and when it comes back
itself after an outage: requests second by second, by the rules of --if-due,
--splay and the pause after failures, for schedules that tick each minute at
the same second everywhere. No program is run; fleet.py does that.
"""
import argparse
import collections
import dataclasses
import random

TICK_S = 60
HOUR_S = 3600
FREE_FAILURES = 2
FIRST_PAUSE_S = 30
# a run begins so long after its tick and its splay
START_S = 0.1


@dataclasses.dataclass
class Agent:
    period_s: int
    splay_s: float
    last_s: float       # when it reached the mothership
    next_s: float = 0   # not before, after failures
    failures: int = 0

    def tick(self):
        """The next one that leads to a request."""
        early = min(30, self.period_s / 2)
        tick = up(self.last_s + self.period_s - early)
        return max(tick, up(self.next_s - self.splay_s - START_S))

    def fail(self, now):
        self.failures += 1
        if self.failures <= FREE_FAILURES:
            self.next_s = now + 1
            return
        pause = FIRST_PAUSE_S * 2 ** (self.failures - FREE_FAILURES - 1)
        self.next_s = now + START_S + min(pause, self.period_s)

    def succeed(self, now):
        self.last_s, self.next_s, self.failures = now, 0, 0


def up(seconds):
    """The first tick that is not earlier."""
    return -(-seconds // TICK_S) * TICK_S


def follow(agent, outage, end_s, counts):
    """Note the requests of one agent, those that fail too, until end_s."""
    while True:
        now = agent.tick() + agent.splay_s + START_S
        if now >= end_s:
            return
        counts[int(now)] += 1
        if outage[0] <= now < outage[1]:
            agent.fail(now)
        else:
            agent.succeed(now)


def fleet(options, spread, last_s):
    """last_s() is when each was heard last; spread: of the periods, 0 to 1."""
    for _ in range(options.agents):
        period = options.period * random.uniform(1 - spread, 1 + spread)
        yield Agent(int(period), random.random() * options.splay, last_s())


def simulate(agents, outage, end_s):
    counts = collections.Counter()
    for agent in agents:
        follow(agent, outage, end_s, counts)
    return counts


def line(name, counts, first_s, length_s=HOUR_S):
    seconds = [counts[s] for s in range(first_s, first_s + length_s)]
    minutes = [sum(seconds[at:at + TICK_S])
               for at in range(0, length_s, TICK_S)]
    print("  %-32s %8.1f %11d %11d" % (name, sum(seconds) / length_s,
                                       max(seconds), max(minutes)))


def head(title):
    print("\n%s\n  %-32s %8s %11s %11s" % (title, "requests", "a second",
                                           "at most", "in a minute"))


def show_steady(options):
    head("as usual")
    counts = simulate(
        fleet(options, 0, lambda: -random.random() * options.period),
        (0, 0), 10 * HOUR_S)
    line("an hour", counts, 5 * HOUR_S)


def show_power_cut(options, spread):
    """All had their startup at one tick."""
    head("power comes back, periods %s" % (
        "+- %d %%" % (spread * 100) if spread else "all alike"))
    counts = simulate(fleet(options, spread, lambda: -10 * options.period),
                      (0, 0), 25 * HOUR_S)
    for hour in (0, 1, 2, 3, 6, 12, 24):
        line("hour %d after it" % hour, counts, hour * HOUR_S)


def show_outage(options, length_s):
    head("the mothership was away for %d s" % length_s)
    begin = 2 * HOUR_S
    counts = simulate(
        fleet(options, 0, lambda: -random.random() * options.period),
        (begin, begin + length_s), begin + length_s + 26 * HOUR_S)
    line("while it is away", counts, begin, length_s)
    for hour in (0, 1, 2, 24):
        line("hour %d after it" % hour, counts,
             begin + length_s + hour * HOUR_S)


def main():
    parser = argparse.ArgumentParser(description="A fleet on paper.")
    parser.add_argument("--agents", type=int, default=100000)
    parser.add_argument("--period", type=int, default=3600)
    parser.add_argument("--splay", type=int, default=50)
    options = parser.parse_args()
    random.seed(1)
    show_steady(options)
    for spread in (0, 0.25):
        show_power_cut(options, spread)
    for length_s in (600, HOUR_S, 8 * HOUR_S):
        show_outage(options, length_s)


if __name__ == "__main__":
    main()
