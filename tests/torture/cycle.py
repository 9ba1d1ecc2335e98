"""A whole cycle, what it starts from and what must have come of it.

A new config, new keys and customizers from the mothership; files that stay,
two of them in parts, that are deleted, moved, and named by a customizer. What
must hold is looked up by other code than the program's: the files on the fake
S3's disk, SQLite, JSON. Violations are printed and counted.
"""
import argparse
import hashlib
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import tempfile

from buckets import CUSTOMIZER, MIB, PREFIX, digest_of

ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
LONG_AGO = 1_600_000_000
POLICIES = [
    {"input_file_pattern": "data/**/*"},
    {"input_file_pattern": "out/**/*", "delete_after_upload": True},
    {"input_file_pattern": "mv/**/*", "move_after_upload": "done",
     "input_remove_prefix": "mv/"},
    {"input_file_pattern": "docs/**/*", "customizer": "c",
     "input_remove_prefix": "docs/"},
]


class Cycle:
    """A home folder before the cycle, and what is to come of it."""

    def __init__(self, options, bucket, small):
        """A small one is whole enough where each call of it is broken."""
        self.options = options
        self.bucket = bucket
        self.small = small
        self.template = os.path.join(options.work, "template")
        self.home = os.path.join(options.work, "home")
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
        large = [16 * MIB] if self.small else [20 * MIB, 17 * MIB]
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
        """Asks for the same at every run, for it cannot know of the fault."""
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
            env=ENVIRONMENT | {"ASAN_OPTIONS": "detect_leaks=0"})

    def run(self, environment=None):
        return subprocess.run(
            self.command(), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=300,
            env=ENVIRONMENT | (environment or {}))

    def run_to_the_end(self):
        done = self.run()
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

    def check_at_once(self):
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
        """After a fault: what holds at once, then the next run."""
        before = self.violations
        rows, parts = self.check_at_once()
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


def option_parser(what):
    """Of a program that runs cycles: where its servers are, and its seed."""
    parser = argparse.ArgumentParser(usage=what, allow_abbrev=False)
    for name in ("program", "work", "endpoint", "keys", "mother"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--mother-port", type=int, required=True)
    parser.add_argument("--s3-root")
    parser.add_argument("--s3-log")
    parser.add_argument("--seed", type=int, required=True)
    return parser


def prepare(options, bucket, small):
    """The cycle, with all that a run of it needs."""
    print("seed %d" % options.seed)
    random.seed(options.seed)
    os.makedirs(options.work, exist_ok=True)
    bucket.keep()
    cycle = Cycle(options, bucket, small)
    cycle.make_template()
    cycle.write_reply()
    return cycle
