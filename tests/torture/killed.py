#!/usr/bin/env python3
"""Kill a whole cycle at any moment; the next run must bring the same end.

killed.py random --rounds N ...     SIGKILL at a random instant
killed.py calls [--sample N] ...    SIGKILL at each system call of a smaller
                                    cycle in turn, or at N of them
killed.py rgw --rounds N ...        as random, into a Ceph RADOS
                                    Gateway

The cycle: a new config, new keys and customizers from the mothership; 300
files, two of them in parts; files that are deleted, moved, and named by a
customizer. What must hold is looked up by other code than the program's: the
files on the fake S3's disk, SQLite, JSON. Prints violations and exits with 1
when there are any; the last line is the number of kills.
"""
import argparse
import concurrent.futures
import glob
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
LONG_AGO = 1_600_000_000
CUSTOMIZER = "module.exports = function (name) { return 'keyed/' + name; };\n"
POLICIES = [
    {"input_file_pattern": "data/**/*"},
    {"input_file_pattern": "out/**/*", "delete_after_upload": True},
    {"input_file_pattern": "mv/**/*", "move_after_upload": "done",
     "input_remove_prefix": "mv/"},
    {"input_file_pattern": "docs/**/*", "customizer": "c",
     "input_remove_prefix": "docs/"},
]
PREFIX = "s3-ingestor"


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FakeBucket:
    """The fake S3, by what lies on its disk and what it logs."""

    def __init__(self, options):
        self.root = options.s3_root
        self.log = options.s3_log
        self.name = "bucket"
        self.endpoint = options.endpoint
        self.folder = os.path.join(self.root, self.name)
        self.template = os.path.join(options.work, "template-s3")
        self.keys = options.keys.split(":")

    def keep(self):
        """What is there now is there at the start of each round."""
        shutil.copytree(os.path.join(self.folder, "objects"), self.template)

    def reset(self):
        for part in ("objects", "uploads"):
            folder = os.path.join(self.folder, part)
            for entry in os.scandir(folder):
                if entry.is_dir():
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
        shutil.copytree(self.template, os.path.join(self.folder, "objects"),
                        dirs_exist_ok=True)

    def objects(self):
        """Key to digest of all objects."""
        found = {}
        for meta in glob.glob(os.path.join(self.folder, "objects", "*.meta")):
            with open(meta, encoding="utf-8") as file:
                key = file.readline().rstrip("\n")
            found[key] = digest_of(meta[:-len(".meta")])
        return found

    def uploads(self):
        return os.listdir(os.path.join(self.folder, "uploads"))

    def log_position(self):
        return os.path.getsize(self.log)

    def sent_since(self, position):
        """Targets of all PUTs since then: "KEY" or "KEY?partNumber=..."."""
        with open(self.log, "rb") as file:
            file.seek(position)
            lines = file.read().decode().splitlines()
        return [line.split()[3].removeprefix("/%s/" % self.name)
                for line in lines if line.startswith("PUT ")]


class RgwBucket:
    """A bucket of its own for each round, looked at by botocore."""

    def __init__(self, options):
        import botocore.session
        self.endpoint = options.endpoint
        self.keys = options.keys.split(":")
        self.s3 = botocore.session.get_session().create_client(
            "s3", region_name="us-east-1", endpoint_url=self.endpoint,
            aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1])
        self.round = 0
        self.name = None

    def keep(self):
        pass

    def reset(self):
        if self.name:
            listing = self.s3.list_objects_v2(Bucket=self.name)
            self.s3.delete_objects(Bucket=self.name, Delete={"Objects": [
                {"Key": item["Key"]} for item in listing["Contents"]]})
        self.round += 1
        self.name = "%s-%d" % (os.path.basename(tempfile.mktemp(
            prefix="killed-")).lower().replace("_", "x"), self.round)
        self.s3.create_bucket(Bucket=self.name)
        for name in ("c.js", "c2.js"):
            self.s3.put_object(Bucket=self.name, Body=CUSTOMIZER.encode(),
                               Key="code/%s/customizers/%s" % (PREFIX, name))

    def digest_of_object(self, key):
        body = self.s3.get_object(Bucket=self.name, Key=key)["Body"]
        digest = hashlib.sha256()
        for piece in iter(lambda: body.read(MIB), b""):
            digest.update(piece)
        return digest.hexdigest()

    def objects(self):
        keys = [item["Key"] for page in
                self.s3.get_paginator("list_objects_v2").paginate(
                    Bucket=self.name) for item in page.get("Contents", [])]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return dict(zip(keys, pool.map(self.digest_of_object, keys)))

    def uploads(self):
        listing = self.s3.list_multipart_uploads(Bucket=self.name)
        return [item["Key"] for item in listing.get("Uploads", [])]

    def log_position(self):
        return 0

    def sent_since(self, _):
        return []


class Cycle:
    """A home folder before the cycle, and what is to come of it."""

    def __init__(self, options, bucket):
        self.options = options
        self.bucket = bucket
        self.template = os.path.join(options.work, "template")
        self.home = os.path.join(options.work, "home")
        self.small = options.mode == "calls"
        self.digests = {}
        self.violations = 0

    # ---- what there is before ----

    def make_file(self, name, size):
        path = os.path.join(self.template, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(random.randbytes(size))
        # long ago: nothing is racy, so that all is done in one run
        os.utime(path, (LONG_AGO, LONG_AGO))
        self.digests[name] = digest_of(path)

    def make_template(self):
        count = 3 if self.small else 60
        large = {"calls": [16 * MIB], "random": [20 * MIB, 17 * MIB],
                 "rgw": [20 * MIB, 17 * MIB]}[self.options.mode]
        for number, size in enumerate(large):
            self.make_file("data/large%d" % number, size)
        for number in range(count * 2 - len(large)):
            self.make_file("data/f%02d/%d" % (number % 7, number),
                           random.randrange(8192))
        for folder in ("out", "mv", "docs"):
            for number in range(count):
                self.make_file("%s/d%d/%d" % (folder, number % 3, number),
                               random.randrange(8192))
        os.makedirs(os.path.join(self.template, "customizers"))
        with open(os.path.join(self.template, "customizers", "old.js"),
                  "w", encoding="utf-8") as file:
            file.write("exports.old = 1;\n")
        self.write("-keys", {"access_key_id": self.bucket.keys[0],
                             "secret_access_key": self.bucket.keys[1],
                             "note": "old"})
        self.write("-context", {"state": "configured", "id": 1})

    def write(self, suffix, value, folder=None):
        path = os.path.join(folder or self.template, PREFIX + suffix + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(value, file)

    def config(self):
        return {"host_service": "http", "host_dns": "127.0.0.1",
                "host_port": self.options.mother_port,
                "s3_endpoint": self.bucket.endpoint,
                "s3_bucket": self.bucket.name,
                "policies": [{"input_file_pattern": "data/f00/*"}]}

    def write_reply(self):
        """Asks for the same at every run, for it cannot know of the kill."""
        reply = {"state": "configured", "id": 2,
                 "config": {"heartbeat_period": 1234, "policies": POLICIES},
                 "aws_keys": {"access_key_id": self.bucket.keys[0],
                              "secret_access_key": self.bucket.keys[1],
                              "note": "new"},
                 "action": "customizers"}
        with open(os.path.join(self.options.mother, "replies", "default"),
                  "w", encoding="utf-8") as file:
            json.dump(reply, file)

    def reset(self):
        shutil.rmtree(self.home, ignore_errors=True)
        # links: what is large is not copied, and nobody writes into it
        subprocess.run(["cp", "-al", self.template, self.home], check=True)
        self.bucket.reset()
        self.write("", self.config(), self.home)

    # ---- runs ----

    def command(self):
        return [self.options.program, "-C", self.home, "--action", "wakeup",
                "--json"]

    def start(self, before=()):
        return subprocess.Popen(
            [*before, *self.command()], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                 "ASAN_OPTIONS": "detect_leaks=0"})

    def run_to_the_end(self):
        done = subprocess.run(
            self.command(), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=300,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        if done.returncode != 0:
            self.violated("the next run ended with %d: %s%s" % (
                done.returncode, done.stdout[-400:], done.stderr[-400:]))

    # ---- what must hold ----

    def violated(self, text):
        self.violations += 1
        print("VIOLATED: %s" % text)

    def expect(self, is_so, text):
        if not is_so:
            self.violated(text)

    def own(self, suffix):
        return os.path.join(self.home, PREFIX + suffix)

    def read_ledger(self, which="state = 0"):
        """Rows uploaded, by key, and parts that were recorded; of a copy."""
        rows, parts = {}, {}
        if not os.path.exists(self.own("-ledger.db")):
            return rows, parts
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("", "-wal"):
                if os.path.exists(self.own("-ledger.db" + suffix)):
                    shutil.copyfile(self.own("-ledger.db" + suffix),
                                    os.path.join(folder, "l" + suffix))
            ledger = sqlite3.connect(os.path.join(folder, "l"))
            sound = ledger.execute("pragma integrity_check").fetchone()
            self.expect(sound == ("ok",), "the ledger is %s" % (sound,))
            if ledger.execute("pragma user_version").fetchone() != (0,):
                for key, name, size in ledger.execute(
                        "select key, name, size from file where " + which):
                    rows[key.decode()] = (name.decode(), size)
                for number, upload in ledger.execute(
                        "select number, upload_id from part join upload"
                        " using (policy, name) where upload_id is not null"):
                    parts["partNumber=%d&uploadId=%s" % (number, upload)] = 1
            ledger.close()
        return rows, parts

    def check_documents(self):
        for suffix in (".json", "-context.json", "-keys.json"):
            try:
                with open(self.own(suffix), encoding="utf-8") as file:
                    json.load(file)
            except (OSError, ValueError) as error:
                self.violated("%s: %s" % (suffix, error))

    def check_rows(self, rows, objects):
        for key, (name, _) in rows.items():
            self.expect(objects.get(key) == self.digests[name],
                        "%s is recorded, and not in the bucket" % name)

    def check_removed(self, objects):
        """What is not where it was is in the bucket, byte for byte."""
        for name, digest in self.digests.items():
            if not os.path.exists(os.path.join(self.home, name)):
                key = re.sub("^mv/", "", name)
                self.expect(objects.get(key) == digest,
                            "%s is gone, and not in the bucket" % name)

    def check_after_kill(self):
        rows, parts = self.read_ledger()
        objects = self.bucket.objects()
        self.check_documents()
        self.check_rows(rows, objects)
        self.check_removed(objects)
        return rows, parts

    def check_not_twice(self, rows, parts, position):
        for target in self.bucket.sent_since(position):
            key, _, query = target.partition("?")
            self.expect(query or key not in rows,
                        "%s was recorded, and sent again" % key)
            self.expect(query not in parts,
                        "a part was recorded, and sent again: %s" % target)

    def expected_objects(self):
        keys = {"code/%s/customizers/%s" % (PREFIX, name):
                hashlib.sha256(CUSTOMIZER.encode()).hexdigest()
                for name in ("c.js", "c2.js")}
        for name, digest in self.digests.items():
            key = re.sub("^mv/", "", name)
            keys[re.sub("^docs/", "keyed/", key)] = digest
        return keys

    def files(self, folder):
        found = {}
        for path, _, names in os.walk(os.path.join(self.home, folder)):
            for name in names:
                full = os.path.join(path, name)
                found[os.path.relpath(full, self.home)] = digest_of(full)
        return found

    def check_end(self):
        objects = self.bucket.objects()
        expected = self.expected_objects()
        for key in sorted(set(objects) | set(expected)):
            self.expect(objects.get(key) == expected.get(key),
                        "at the end %s is not as it should be" % key)
        self.expect(not self.bucket.uploads(), "uploads in parts were left")
        kept = {name: digest for name, digest in self.digests.items()
                if name.startswith(("data/", "docs/"))}
        moved = {re.sub("^mv/", "done/", name): digest
                 for name, digest in self.digests.items()
                 if name.startswith("mv/")}
        self.expect(self.files("data") | self.files("docs") == kept,
                    "files that were to stay did not")
        self.expect(self.files("done") == moved, "not moved as it should be")
        self.expect(not self.files("out") and not self.files("mv"),
                    "files that were to go are there")
        self.expect(sorted(os.listdir(os.path.join(
            self.home, "customizers"))) == ["c.js", "c2.js"],
            "customizers are mixed")
        self.check_home()
        rows, _ = self.read_ledger("state in (0, 1)")
        self.check_rows(rows, objects)
        self.expect(len(rows) == len(self.digests),
                    "%d rows for %d files" % (len(rows), len(self.digests)))

    def check_home(self):
        wanted = {"": ("heartbeat_period", 1234), "-keys": ("note", "new"),
                  "-context": ("id", 2)}
        for suffix, (name, value) in wanted.items():
            with open(self.own(suffix + ".json"), encoding="utf-8") as file:
                self.expect(json.load(file).get(name) == value,
                            "%s.json is the old one" % suffix)
        known = {PREFIX + suffix for suffix in (
            ".json", "-keys.json", "-context.json", "-ledger.db",
            "-ledger.db-wal", "-ledger.db-shm", ".lock")} | {
                "data", "docs", "done", "out", "mv", "customizers"}
        left = set(os.listdir(self.home)) - known
        self.expect(not left, "left in the home folder: %s" % left)

    def check_round(self, what):
        """After a kill: what holds at once, then the next run."""
        before = self.violations
        rows, parts = self.check_after_kill()
        position = self.bucket.log_position()
        self.run_to_the_end()
        self.check_not_twice(rows, parts, position)
        self.check_end()
        if self.violations > before:
            kept = os.path.join(self.options.work,
                                "violated-%d" % self.violations)
            shutil.copytree(self.home, kept, symlinks=True)
            print("that was %s; its home: %s" % (what, kept))
        return self.violations == before


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
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("mode", choices=("random", "calls", "rgw"))
    for name in ("program", "work", "endpoint", "keys", "mother"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--mother-port", type=int, required=True)
    parser.add_argument("--s3-root")
    parser.add_argument("--s3-log")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--sample", type=int)
    return parser.parse_args()


def main():
    options = parse_arguments()
    print("seed %d" % options.seed)
    random.seed(options.seed)
    os.makedirs(options.work, exist_ok=True)
    bucket = RgwBucket(options) if options.mode == "rgw" \
        else FakeBucket(options)
    bucket.keep()
    cycle = Cycle(options, bucket)
    cycle.make_template()
    cycle.write_reply()
    killed = kill_at_calls(cycle, options.sample) \
        if options.mode == "calls" else kill_at_random(cycle, options.rounds)
    print("%d kills" % killed)
    return 1 if cycle.violations else 0


if __name__ == "__main__":
    sys.exit(main())
