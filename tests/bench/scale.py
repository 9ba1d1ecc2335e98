"""Time and memory of a run with nothing to do, against the count of files."""
import os
import subprocess

import peers
from measure import Failure, in_turn
from report import Facts

LONGEST_S = 40
COUNTS = (1000, 3000, 10000, 30000, 100000, 300000, 1000000)
FEW = (1000, 2000, 4000)
COLOURS = ("#777777", "#c00000", "#0060c0", "#008040", "#b07000")
PLOT = """
set terminal svg size 900,440 dynamic background rgb "white" font "sans,12"
set output "%(path)s"
set multiplot layout 1,2
set logscale xy
set format x "10^{%%T}"
set xlabel "files, none changed"
set grid
set xrange [%(first)d*0.8:%(last)d*1.25]
set key outside bottom center horizontal height 1
set xlabel offset 0,0.6
set ylabel "wall, s"
plot %(wall)s
set ylabel "peak of memory, MiB"
plot %(peak)s
unset multiplot
"""


def scale(bench):
    """Nothing changed in 1,000 to 1,000,000 files, for all who can; a plot."""
    counts = bench.options.size(COUNTS, FEW)
    series, cut = {}, {}
    for count in counts:
        for command in measure(bench, count, series, cut):
            points = series.setdefault(command.name, {})
            points[count] = (command.median("wall_s"),
                             command.median("peak_mib"))
    facts = Facts("nothing changed, by count of files",
                  notes=describe(series, cut))
    if bench.plot:
        draw(series, counts, bench.plot)
        facts.picture = os.path.basename(bench.plot)
    bench.report.add(facts)


def measure(bench, count, series, cut):
    planted = bench.forest.plant(count, max(10, count // 100))
    others = [client.command(client.again)
              for client in peers.clients(planted.bucket, planted.home.data)]
    for command in list(others):
        expected = expect(series.get(command.name), count)
        if command.name in cut or expected > LONGEST_S:
            cut.setdefault(command.name, (count, expected))
            others.remove(command)
    # a run of more than a second says enough alone
    commands = [planted.find(), planted.ours(), *others]
    in_turn(commands, 1 if count > 10000 else min(3, bench.options.pairs))
    return commands


def expect(points, count):
    """What it will take, if it grows as the count does."""
    if not points:
        return 0
    last = max(points)
    return points[last][0] * count / last


def describe(series, cut):
    lines = []
    for name, points in series.items():
        lines.append("%s: %s" % (name, "; ".join(
            "{:,}: {:.2f} s, {:.1f} MiB".format(count, *points[count])
            for count in sorted(points))))
    for name, (count, expected) in cut.items():
        lines.append("{} is cut off from {:,} files on, where a run would "
                     "take about {:.0f} s".format(name, count, expected))
    return lines + ["the commands are those of the item unchanged"]


def draw(series, counts, path):
    def curves(field):
        return ", ".join(
            "$data%d using 1:%d with linespoints lw 2 lc rgb '%s' title '%s'"
            % (number, field, COLOURS[number % len(COLOURS)], name)
            for number, name in enumerate(series))

    blocks = []
    for number, points in enumerate(series.values()):
        lines = ["%d %f %f" % (count, *points[count])
                 for count in sorted(points)]
        blocks.append("$data%d << END\n%s\nEND\n" % (number,
                                                     "\n".join(lines)))
    script = "".join(blocks) + PLOT % {
        "path": path, "first": counts[0], "last": counts[-1],
        "wall": curves(2), "peak": curves(3)}
    done = subprocess.run(["gnuplot"], input=script.encode(), check=False,
                          stderr=subprocess.PIPE)
    if done.returncode:
        raise Failure("gnuplot: " + done.stderr.decode())
