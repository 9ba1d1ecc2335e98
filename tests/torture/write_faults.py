#!/usr/bin/env python3
"""Let calls that change the home fail, as on a bad disk, in each place.

write_faults.py --preload LIBRARIES --errno N... --for COUNT --words REGEX
                [--every N] [--from N] ...

Each call in turn of a run of the cycle of cycle.py, or each Nth, once with each
errno: COUNT calls fail from there on (0: all of them). The run must say so in
the words of REGEX and end with 74; or with 0, if all was done all the same or
an action failed that the mothership was told of; or, where not all calls fail,
with 69 or 75. The next one brings the same end as ever. LIBRARIES are
disk_fault.so, and what must come before it. Prints violations and exits with 1
when there are any; the last line is the number of faults.
"""
import itertools
import os
import re
import sys

from buckets import FakeBucket
from cycle import option_parser, prepare

OK, UNAVAILABLE, IO_ERROR, LATER = 0, 69, 74, 75


def run_on_bad_disk(cycle, errno, at):
    """What came of it; None when no call was left to fail."""
    options = cycle.options
    hit = os.path.join(options.work, "hit")
    if os.path.exists(hit):
        os.unlink(hit)
    cycle.reset()
    done = cycle.run({
        "LD_PRELOAD": options.preload, "ASAN_OPTIONS": "detect_leaks=0",
        "DISK_FAULT_CALLS": "write", "DISK_FAULT_PATH": cycle.home,
        "DISK_FAULT_AT": str(at), "DISK_FAULT_FOR": str(options.count),
        "DISK_FAULT_ERRNO": str(errno), "DISK_FAULT_LOG": hit})
    return done if os.path.exists(hit) else None


def check_what_is_said(cycle, place, done):
    options = cycle.options
    said = done.stdout + done.stderr
    # what one failure alone makes of a run may be met later, as something
    # else: files whose customizer did not come are not failed by the disk
    allowed = {OK, IO_ERROR} | (
        {UNAVAILABLE, LATER} if options.count else set())
    cycle.expect(done.returncode in allowed, "%s: status %d: %s" % (
        place, done.returncode, said))
    cycle.expect(done.returncode == OK or re.search(options.words, said),
                 "%s: says %s" % (place, said))


def break_each(cycle, errno):
    faults = missed = 0
    for at in itertools.count(cycle.options.first, cycle.options.every):
        done = run_on_bad_disk(cycle, errno, at)
        # how many calls a run makes differs a little
        missed = 0 if done else missed + 1
        if missed == 3:
            break
        if not done:
            continue
        place = "errno %d at call %d" % (errno, at)
        position = cycle.bucket.log_position()
        check_what_is_said(cycle, place, done)
        cycle.check_round(place)
        cycle.expect(done.returncode != OK or
                     not cycle.bucket.sent_since(position),
                     "%s: status 0, and not all was done" % place)
        if cycle.violations:
            return faults
        faults += 1
    cycle.expect(at > 20, "a cycle makes more calls than %d" % at)
    return faults


def parse_arguments():
    parser = option_parser(__doc__)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--errno", type=int, nargs="+", required=True)
    parser.add_argument("--for", type=int, required=True, dest="count")
    parser.add_argument("--words", required=True)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--from", type=int, default=1, dest="first")
    return parser.parse_args()


def main():
    options = parse_arguments()
    cycle = prepare(options, FakeBucket(options), small=True)
    faults = sum(break_each(cycle, errno) for errno in options.errno)
    print("%d faults" % faults)
    return 1 if cycle.violations else 0


if __name__ == "__main__":
    sys.exit(main())
