#!/usr/bin/env python3
"""Kill a whole cycle at any moment; the next run must bring the same end.

killed.py random --rounds N ...     SIGKILL at a random instant
killed.py calls [--sample N] ...    SIGKILL at each system call of a smaller
                                    cycle in turn, or at N of them
killed.py rgw --rounds N ...        as random, into a Ceph RADOS
                                    Gateway

The cycle is that of cycle.py. Prints violations and exits with 1 when there are
any; the last line is the number of kills.
"""
import os
import random
import re
import signal
import sys
import time

from buckets import FakeBucket, RgwBucket
from cycle import option_parser, prepare


def measure(cycle):
    """Seconds of a run that is left alone, and that its end is the right one."""
    cycle.reset()
    began = time.monotonic()
    cycle.run_to_the_end()
    whole = time.monotonic() - began
    cycle.check_end()
    return whole


def kill_at_random(cycle, rounds):
    whole = measure(cycle)
    killed = 0
    runs = 0
    while killed < rounds and runs < 4 * rounds and cycle.violations == 0:
        runs += 1
        seed = cycle.options.seed + runs
        wait = random.Random(seed).uniform(0, whole)
        cycle.reset()
        process = cycle.start()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            continue # it had ended
        killed += 1
        cycle.check_round("seed %d, killed after %.4f of %.4f s" % (
            seed, wait, whole))
    cycle.expect(killed == rounds or cycle.violations,
                 "only %d of %d runs lived long enough" % (killed, runs))
    return killed


def count_calls(cycle):
    """Each system call's name and the most that one thread makes of it."""
    trace = os.path.join(cycle.options.work, "trace")
    cycle.reset()
    status = cycle.start(["strace", "-f", "-qq", "-o", trace]).wait()
    cycle.expect(status == 0, "the run under strace ended with %d" % status)
    counts = {}
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"(\d+) +(\w+)\(", line)
            if match:
                counts[match.groups()] = counts.get(match.groups(), 0) + 1
    most = {}
    for (_, name), count in counts.items():
        most[name] = max(most.get(name, 0), count)
    return most


def kill_at_calls(cycle, sample):
    measure(cycle)
    places = [(name, number) for name, count in sorted(
        count_calls(cycle).items()) for number in range(1, count + 1)]
    cycle.expect(places, "strace told of no system call")
    if sample:
        places = random.Random(cycle.options.seed).sample(
            places, min(sample, len(places)))
    killed = 0
    for name, number in places:
        if cycle.violations:
            break
        cycle.reset()
        process = cycle.start([
            "strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=" + name,
            "-e", "inject=%s:signal=SIGKILL:when=%d" % (name, number)])
        if process.wait() == 0:
            continue # counts differ a little from run to run
        killed += 1
        cycle.check_round("%s number %d" % (name, number))
    print("%d places, %d kills" % (len(places), killed))
    return killed


def parse_arguments():
    parser = option_parser(__doc__)
    parser.add_argument("mode", choices=("random", "calls", "rgw"))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--sample", type=int)
    return parser.parse_args()


def main():
    options = parse_arguments()
    bucket = RgwBucket(options) if options.mode == "rgw" \
        else FakeBucket(options)
    cycle = prepare(options, bucket, options.mode == "calls")
    killed = kill_at_calls(cycle, options.sample) \
        if options.mode == "calls" else kill_at_random(cycle, options.rounds)
    print("%d kills" % killed)
    return 1 if cycle.violations else 0


if __name__ == "__main__":
    sys.exit(main())
