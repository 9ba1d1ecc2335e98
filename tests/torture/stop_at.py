#!/usr/bin/env python3
"""Act while a program stands still at a system call.

stop_at.py --calls SET [--path PATH...] (--stop N | --at REGEX) COMMAND...
           -- PROGRAM ARGUMENT...

The program runs under strace and is stopped whenever a call of SET returns;
of PATHs only, if there are any, or in folders of that name. At the Nth stop,
or where the call as strace shows it matches REGEX, the shell runs COMMAND,
while nothing of the program runs; then it goes on. Several are done in this
order. Exit status: the program's; 99 if it did not come that far, and the
number of stops is the last line of stderr.
"""

import re
import signal
import subprocess
import sys
import os

NOT_REACHED = 99


def parse_arguments(arguments):
    own = arguments[:arguments.index("--")]
    program = arguments[len(own) + 1:]
    calls, paths, steps = None, [], []
    while own:
        name = own.pop(0)
        value = own.pop(0)
        if name == "--calls":
            calls = value
        elif name == "--path":
            paths.append(value)
        elif name == "--stop":
            steps.append((int(value), None, own.pop(0)))
        elif name == "--at":
            steps.append((None, re.compile(value), own.pop(0)))
        else:
            sys.exit(__doc__)
    if not calls or not steps or not program:
        sys.exit(__doc__)
    return calls, paths, steps, program


def strace_command(calls, paths, program, out):
    command = ["strace", "-f", "-o", "/dev/fd/%d" % out,
               "-e", "trace=" + calls,
               "-e", "inject=%s:signal=SIGSTOP:when=1+" % calls]
    for path in paths:
        command += ["-P", path]
    return command + program


def follow(trace, steps):
    """Take the steps; what could not be taken is left."""
    stops = 0
    call = ""
    waits = False
    for line in trace:
        if "--- SIGSTOP {" in line:
            stops += 1
            waits = True
        elif "--- stopped by SIGSTOP ---" not in line:
            call = call if "--- " in line else line
        elif waits:
            # each thread stops, and says so: the first one counts
            waits = False
            if steps and (stops == steps[0][0] or
                          steps[0][1] and steps[0][1].search(call)):
                subprocess.run(steps.pop(0)[2], shell=True, check=True,
                               executable="/bin/bash")
            os.kill(int(line.split()[0]), signal.SIGCONT)
    return stops


def main():
    calls, paths, steps, program = parse_arguments(sys.argv[1:])
    read_end, write_end = os.pipe()
    tracer = subprocess.Popen(
        strace_command(calls, paths, program, write_end),
        pass_fds=[write_end])
    os.close(write_end)
    with os.fdopen(read_end, errors="replace") as trace:
        stops = follow(trace, steps)
    status = tracer.wait()
    if steps:
        print(stops, file=sys.stderr)
    return NOT_REACHED if steps else status


if __name__ == "__main__":
    sys.exit(main())
