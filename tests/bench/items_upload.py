"""First uploads of many small files, near and far."""
import nginx
import peers
from homes import Home, make_files, name_of
from measure import Command, Failure, Missing, in_turn, ratio
from report import Table
from stage import count_files, empty

KIB = 1024
CURL_MOST = 300  # what --parallel-max takes


class Small:
    """count files of 1 KiB on their way into an nginx sink, over a route."""

    def __init__(self, stage, sink, count, route=None, words=()):
        self.stage, self.sink, self.count = stage, sink, count
        self.route = route or sink.endpoint
        self.words = words
        settings = {"ca_file": sink.ca} if words else {}
        self.home = Home(stage.path("home"), self.route, **settings)
        self.folders = max(1, count // 100)
        make_files(self.home.data, count, self.folders, KIB)
        names = [name_of(n, self.folders) for n in range(count)]
        self.list = peers.curl_list(
            stage.path("list"), ((name, self.home.data + "/" + name)
                                 for name in names),
            self.route + "/bucket/data")

    def forget(self):
        self.home.forget()
        empty(self.sink.root)

    def check(self):
        files, size = count_files(self.sink.root)
        if (files, size) != (self.count, self.count * KIB):
            raise Failure("the sink has %d files of %d bytes" % (files, size))

    def ours(self):
        return Command("s3-ingestor", self.home.upload(), self.forget,
                       self.check, self.sink.count)

    def curl(self, connections):
        return Command("curl, %d at once, unsigned" % connections,
                       peers.curl_parallel(self.list, connections,
                                           *self.words),
                       self.forget, self.check, self.sink.count)

    def window(self, ours):
        """How many connections the program makes of itself."""
        return max(1, min(CURL_MOST, ours.run().connections))


def first_upload(bench):
    """10,000 x 1 KiB into nginx; beside unsigned curl."""
    small = Small(bench.stage, nginx.start(bench.stage),
                  bench.options.size(10000, 300))
    table, ours, curl = beside_curl(bench, small, "first upload of "
                                    "{:,} x 1 KiB".format(small.count))
    table.mark_ratio(ours, curl, 1.0)
    table.mark_ratio(ours, curl, 1.3, "cpu_s")
    table.mark_peak(ours, 24)
    bench.report.add(table)


def first_upload_tls(bench):
    """The same over TLS."""
    sink = nginx.start(bench.stage)
    small = Small(bench.stage, sink, bench.options.size(10000, 300),
                  sink.secure, ["--cacert", sink.ca])
    table, ours, curl = beside_curl(bench, small, "first upload of {:,} x "
                                    "1 KiB over TLS".format(small.count))
    table.mark_ratio(ours, curl, 1.1)
    bench.report.add(table)


def beside_curl(bench, small, title):
    """Ours as it is, and curl with as many connections."""
    ours = small.ours()
    window = small.window(ours)
    curl = small.curl(window)
    in_turn([curl, ours], bench.options.pairs)
    table = Table(title + ", into nginx", [curl, ours])
    table.note("connections: curl %d, ours %d", curl.median("connections"),
               ours.median("connections"))
    return table, ours, curl


def first_upload_far(bench, delay_ms, marked):
    """1,000 x 1 KiB with a round trip of 20 or 100 ms; beside curl."""
    sink = nginx.start(bench.stage)
    # half of it each way
    route = bench.stage.relay(sink.endpoint, delay_ms // 2)
    small = Small(bench.stage, sink, bench.options.size(1000, 200), route)
    ours = small.ours()
    curls = {n: small.curl(n) for n in (64, 128)}
    in_turn([curls[marked], ours, curls[192 - marked]], bench.options.pairs)
    table = Table("first upload of %d x 1 KiB, round trip of %d ms, into nginx"
                  % (small.count, delay_ms),
                  [curls[marked], ours, curls[192 - marked]])
    table.mark_ratio(ours, curls[marked], 1.2)
    table.mark("connections of ours", max(
        sample.connections for sample in ours.samples), 256)
    table.note("connections: ours %d", ours.median("connections"))
    bench.report.add(table)


def far_20(bench):
    """1,000 x 1 KiB with a round trip of 20 ms; beside curl."""
    first_upload_far(bench, 20, 64)


def far_100(bench):
    """1,000 x 1 KiB with a round trip of 100 ms; beside curl."""
    first_upload_far(bench, 100, 128)


# ---- beside other clients of S3 ----

def first_upload_peers(bench):
    """10,000 x 1 KiB into nginx; beside rclone, s3cmd and aws-cli."""
    small = Small(bench.stage, nginx.start(bench.stage),
                  bench.options.size(10000, 100))
    ours = small.ours()
    others = [client.command(client.first, before=small.forget,
                             check=small.check, counter=small.sink.count)
              for client in peers.clients(small.sink, small.home.data)]
    in_turn([ours, *others], bench.options.pairs)
    table = Table("first upload of {:,} x 1 KiB beside other clients, into "
                  "nginx".format(small.count), [ours, *others])
    if others:
        fastest = min(others, key=lambda c: c.median("wall_s"))
        table.mark("wall, %s, the fastest of them, to ours" % fastest.name,
                   ratio(fastest, ours), 3, " x", at_least=True)
    bench.report.add(table)


def first_upload_fake(bench):
    """10,000 x 1 KiB into the fake S3, which checks each signature and keeps
    what it gets: how the program does beside a server that is slower than it.
    """
    server = bench.stage.fake_s3()
    count = bench.options.size(10000, 100)

    def check():
        if count_objects(server) != count:
            raise Failure("the fake S3 has %d objects" % count_objects(server))

    bench.report.add(beside_clients(bench, server, count,
                                    lambda: empty(server.root), check))


def count_objects(server):
    """Each has its meta data beside it."""
    return count_files(server.root)[0] // 2


def first_upload_rgw(bench):
    """Some into a Ceph RADOS Gateway; beside rclone, s3cmd and aws-cli."""
    server = bench.stage.rgw()
    if not server:
        raise Missing("there is no radosgw here")
    count = bench.options.size(2000, 100)

    def check():
        listed = peers.s3(server, "ls", "--recursive", "s3://bucket")
        if listed.count("\n") != count:
            raise Failure("RGW has %d objects" % listed.count("\n"))

    bench.report.add(beside_clients(bench, server, count,
                                    lambda: new_bucket(server), check))


def new_bucket(server):
    """The bucket anew: what was in it would be found."""
    peers.s3(server, "rb", "--recursive", "--force", "s3://bucket")
    peers.s3(server, "mb", "s3://bucket")


def beside_clients(bench, server, count, clear, check):
    home = Home(bench.stage.path("home"), server.endpoint, server.keys)
    make_files(home.data, count, max(1, count // 100), KIB)

    def forget():
        home.forget()
        clear()

    ours = Command("s3-ingestor", home.upload(), forget, check, server.count)
    others = [client.command(client.first, before=forget, check=check,
                             counter=server.count)
              for client in peers.clients(server, home.data)]
    in_turn([ours, *others], bench.options.pairs)
    where = "the fake S3" if server.root else "Ceph RGW"
    return Table("first upload of {:,} x 1 KiB, into {}".format(
        count, where), [ours, *others])
