"""Runs that find nothing, or next to nothing, to do."""
import json
import os

import peers
from homes import TREE_BYTES, Home, make_files, name_of, need_memory
from measure import CLEAN, Command, Failure, in_turn, run_group
from report import Table
from stage import Stage, folder_on_disk

SIZE = 24


class Planted:
    """count files that are in the bucket, and a ledger that knows it."""

    def __init__(self, stage, count, folders):
        self.shape = (count, folders)
        need_memory(count * TREE_BYTES)
        self.bucket = stage.listing(
            ("data/" + name_of(n, folders) for n in range(count)), SIZE)
        self.home = Home(stage.path("home"), self.bucket.endpoint)
        make_files(self.home.data, count, folders, SIZE)
        run_once(self.home.upload())
        # a file that changed so lately that it was not believed is looked at
        # again by the next run
        run_once(self.home.upload())

    def ours(self, name="s3-ingestor", **more):
        return Command(name, self.home.upload(), counter=self.bucket.count,
                       **more)

    def find(self):
        return peers.find(self.home.data)


def run_once(argv):
    status, said = run_group(argv, CLEAN)
    if status != 0:
        raise Failure("the first run: status %d: %s" % (status, said[-2000:]))


class Forest:
    """The tree that was planted last: items of the same shape share it."""

    def __init__(self):
        self.planted = None
        self.stage = None

    def plant(self, count, folders):
        if not self.planted or self.planted.shape != (count, folders):
            self.fell()
            self.stage = Stage()
            self.planted = Planted(self.stage, count, folders)
        return self.planted

    def fell(self):
        if self.stage:
            self.stage.close()
        self.stage = self.planted = None


# ---- items ----

def heartbeat(bench):
    """Nothing to do on 10 files; beside curl, POSTing the same body."""
    stage = bench.stage
    bucket = stage.sink()
    body, answer = record_heartbeat(stage, bucket)
    mother = stage.sink(answer)
    port = int(mother.endpoint.rsplit(":", 1)[1])

    def ours(name, where):
        home = Home(os.path.join(where, "home"), bucket.endpoint, port=port)
        make_files(home.data, 10, 1, SIZE)
        run_once(home.run("--quiet"))
        run_once(home.run("--quiet"))
        return Command(name, home.run(), counter=bucket.count)

    curl = Command("curl POSTs the same body", peers.curl(
        "-o", os.devnull, "-H", "Content-Type: application/json",
        "--data-binary", "@" + body, mother.endpoint + "/ingestor"))
    memory = ours("s3-ingestor, home on tmpfs", stage.work)
    disk = ours("s3-ingestor, home on disk", stage.folder(folder_on_disk()))
    in_turn([curl, memory, disk], 3 * bench.options.pairs)
    table = Table("heartbeat with nothing to do, 10 files",
                  [curl, memory, disk])
    table.mark_ratio(memory, curl, 1.5)
    table.mark_ratio(memory, curl, 1.3, "peak_mib")
    table.mark_requests(memory, 0)
    bench.report.add(table)


def record_heartbeat(stage, bucket):
    """The body of a heartbeat in a file, and an answer that asks nothing."""
    port, requests = stage.mothership()
    home = Home(stage.path("home"), bucket.endpoint, port=port)
    make_files(home.data, 10, 1, SIZE)
    run_once(home.run("--quiet"))
    run_once(home.run("--quiet"))
    newest = max(int(name.split(".")[0]) for name in os.listdir(requests))
    body = os.path.join(requests, "%d.json" % newest)
    with open(body) as text:
        context = json.load(text)["context"]
    return body, json.dumps(dict(context, state="configured"))


def unchanged(bench, count, folders, with_peers):
    planted = bench.forest.plant(count, folders)
    find, ours = planted.find(), planted.ours()
    others = [client.command(client.again, counter=planted.bucket.count)
              for client in peers.clients(planted.bucket, planted.home.data)
              if with_peers]
    in_turn([find, ours, *others], bench.options.pairs)
    where = "one folder" if folders == 1 else "{:,} folders".format(folders)
    table = Table("{:,} files unchanged in {}".format(count, where),
                  [find, ours, *others])
    return table, find, ours


def unchanged_many(bench):
    """200,000 files that are in the bucket already; beside find and peers."""
    folders = bench.options.size(2000, 20)
    table, find, ours = unchanged(bench, 100 * folders, folders, True)
    mark_unchanged(table, find, ours)
    bench.report.add(table)


def unchanged_million(bench):
    """1,000,000 files that are in the bucket already; beside find."""
    folders = bench.options.size(10000, 50)
    table, find, ours = unchanged(bench, 100 * folders, folders, False)
    mark_unchanged(table, find, ours)
    bench.report.add(table)


def mark_unchanged(table, find, ours):
    table.mark_ratio(ours, find, 1.0)
    table.mark_peak(ours, 16)
    table.mark_requests(ours, 0)


def one_folder(bench):
    """1,000,000 files in one folder; beside find."""
    table, find, ours = unchanged(bench, bench.options.size(1000000, 5000), 1,
                                  False)
    table.mark_ratio(ours, find, 1.3)
    table.mark_peak(ours, 150)
    table.mark_requests(ours, 0)
    bench.report.add(table)


def one_changed(bench):
    """One changed among 1,000,000; beside the same with none changed."""
    folders = bench.options.size(10000, 50)
    planted = bench.forest.plant(100 * folders, folders)
    changed = os.path.join(planted.home.data, name_of(4321, folders))
    step = 0

    def change():
        nonlocal step
        step += 1
        with open(changed, "w") as out:
            out.write("change %d\n" % step)

    find, none = planted.find(), planted.ours("s3-ingestor, none changed")
    one = planted.ours("s3-ingestor, one changed", before=change)
    # the run before a sample with none has dealt with the one
    in_turn([find, one, none], bench.options.pairs)
    table = Table("one changed among {:,} files".format(100 * folders),
                  [find, none, one])
    table.mark_difference(one, none, 20)
    table.mark_difference(one, find, 20)
    table.mark_requests(one, 1)
    bench.report.add(table)


def first_sight(bench):
    """100,000 files that are in the bucket, and no ledger; beside find."""
    folders = bench.options.size(1000, 20)
    planted = bench.forest.plant(100 * folders, folders)
    find = planted.find()
    ours = planted.ours(before=planted.home.forget)
    in_turn([find, ours], bench.options.pairs)
    table = Table("{:,} files in the bucket, seen for the first time".format(
        100 * folders), [find, ours])
    table.mark("wall", ours.median("wall_s"), 3, " s")
    table.mark_requests(ours, folders // 10)
    table.mark("other requests than pages, in all runs",
               planted.bucket.count().others, 0)
    bench.report.add(table)
