"""Large files: hashing and sending at the same time."""
import os

import nginx
import peers
from homes import Home, make_large, need_memory, need_room
from measure import Command, Failure, in_turn, ratio
from report import Table
from stage import count_files, empty, folder_on_disk

MIB = 1024 * 1024
GIB = 1024 * MIB


class Large:
    """Some files of one size on their way into a sink."""

    def __init__(self, bench, sink, count, size, route=None, **settings):
        self.sink, self.count, self.size = sink, count, size
        self.route = route or sink.endpoint
        self.words = ["--cacert", sink.ca] if route else []
        if route:
            settings["ca_file"] = sink.ca
        self.home = Home(self.choose(bench), self.route, **settings)
        self.names = ["%06d.bin" % n for n in range(count)]
        for name in self.names:
            make_large(os.path.join(self.home.data, name), size)
        self.list = peers.curl_list(
            bench.stage.path("list"),
            ((name, os.path.join(self.home.data, name))
             for name in self.names), self.route + "/bucket/data")

    def choose(self, bench):
        """A sink that keeps what it got is in memory, as are its files."""
        total = self.count * self.size
        if self.sink.root:
            need_memory(2 * total)
            return bench.stage.path("home")
        need_room(folder_on_disk(), total)
        return os.path.join(bench.stage.folder(folder_on_disk()), "home")

    def forget(self):
        self.home.forget()
        if self.sink.root:
            empty(self.sink.root)
        self.dropped = self.sink.count().size

    def check(self):
        size = (count_files(self.sink.root)[1] if self.sink.root else
                self.sink.count().size - self.dropped)
        # the list of parts is a body too
        if not 0 <= size - self.count * self.size < MIB:
            raise Failure("the sink got %d bytes" % size)

    def command(self, name, argv, **more):
        return Command(name, argv, self.forget, self.check, self.sink.count,
                       **more)

    def ours(self):
        return self.command("s3-ingestor", self.home.upload())

    def curl_argv(self):
        if self.count == 1:
            return peers.curl("-K", self.list, *self.words)
        return peers.curl_parallel(self.list, 32, *self.words)

    def curl(self):
        return self.command("curl alone", self.curl_argv())

    def curl_with_digest(self):
        return self.command("curl, openssl sha256 at the same time",
                            peers.with_digest(self.home.data,
                                              self.curl_argv()))

    def digest(self):
        return Command("openssl sha256 alone", [
            "find", self.home.data, "-type", "f", "-exec", "openssl", "dgst",
            "-sha256", "{}", "+"])


def named(size):
    return "%d GiB" % (size // GIB) if size >= GIB else "%d MiB" % (
        size // MIB)


def beside_both(bench, large, title, others=()):
    """curl and a digest at once, ours, and each of the two alone."""
    both, ours = large.curl_with_digest(), large.ours()
    commands = [both, ours, large.curl(), large.digest(), *others]
    in_turn(commands, bench.options.pairs)
    return Table(title, commands), ours, both


def one_large(bench):
    """One file of 1 GiB into nginx; beside curl with openssl, and peers."""
    size = bench.options.size(GIB, 32 * MIB)
    large = Large(bench, nginx.start(bench.stage), 1, size)
    others = [large.command(client.name, [client.tool, *client.first],
                            env=client.env, is_peer=True)
              for client in peers.clients(large.sink, large.home.data)]
    table, ours, both = beside_both(
        bench, large, "one file of %s, into nginx" % named(size), others)
    table.mark_ratio(ours, both, 1.15)
    table.mark_peak(ours, 32)
    bench.report.add(table)


def one_large_tls(bench):
    """One file of 1 GiB into nginx over TLS; beside curl with openssl."""
    sink = nginx.start(bench.stage)
    size = bench.options.size(GIB, 32 * MIB)
    large = Large(bench, sink, 1, size, sink.secure)
    table, ours, both = beside_both(
        bench, large, "one file of %s over TLS, into nginx" % named(size))
    table.mark_ratio(ours, both, 1.1)
    table.note("wall, ours to curl alone, which hashes nothing: %.2f",
               ratio(ours, table.commands[2]))
    bench.report.add(table)


def one_huge(bench):
    """One file of 10 GiB on disk into a sink that drops it; beside both."""
    size = bench.options.size(10 * GIB, 64 * MIB)
    large = Large(bench, bench.stage.sink(), 1, size)
    both, ours = large.curl_with_digest(), large.ours()
    in_turn([both, ours], bench.options.pairs)
    table = Table("one file of %s on disk, into a sink that drops it" % named(
        size), [both, ours])
    table.mark_ratio(ours, both, 1.15)
    table.mark_peak(ours, 32)
    bench.report.add(table)


def some_large(bench):
    """200 x 4 MiB into nginx; beside curl --parallel with openssl."""
    count = bench.options.size(200, 10)
    large = Large(bench, nginx.start(bench.stage), count, 4 * MIB)
    table, ours, both = beside_both(bench, large, "%d x 4 MiB, into nginx" %
                                    count)
    table.mark_ratio(ours, both, 1.2)
    bench.report.add(table)


def bandwidth(bench):
    """bandwidth_limit of 100 MiB/s over 10 s; beside curl --limit-rate."""
    rate = bench.options.size(100, 10) * MIB
    seconds = bench.options.size(10, 2)
    large = Large(bench, bench.stage.sink(), 1, rate * seconds,
                  bandwidth_limit=rate)
    curl = large.command("curl --limit-rate", peers.curl(
        "-K", large.list, "--limit-rate", str(rate)))
    ours = large.ours()
    in_turn([curl, ours], bench.options.size(3, 1))
    table = Table("bandwidth_limit of %d MiB/s, a file for %d s" % (
        rate // MIB, seconds), [curl, ours])
    reached = large.size / ours.median("wall_s") / rate
    table.mark("off the limit", abs(reached - 1) * 100, 5, " %")
    table.note("reached: %.1f MiB/s", reached * rate / MIB)
    bench.report.add(table)
