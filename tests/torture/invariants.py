#!/usr/bin/env python3
"""What must hold after a run, looked up without any code of the program.

invariants.py --home DIR --prefix P --s3-root DIR --bucket NAME [option...]

Always: the ledger is sound; each row `uploaded` of the bucket has its key
there with its checksum; the documents in the home folder are JSON.

  --tree DIR equal    each regular file below DIR is in the bucket, byte for
                      byte, under --key-prefix and its name from the home
  --tree DIR exact    and nothing else is in the bucket
  --key-prefix TEXT   put before each name to have the key
  --before FILE       as of sha256sum, names from the home: each that is not
                      there any more is in the bucket as it was
  --moved DIR         each file below DIR is in the bucket, under any key
  --log FILE          what a mutator did, a line each, tab-separated:
                        may SHA256 NAME    NAME is about to have that content
                        had SHA256 NAME    it has, as the last that was done
                        gone - NAME        the mutator took it away
                        torn - NAME        it is written in place: an object
                                           of it may be torn, if it is gone
                                           before a run could correct that
                      Each row that is not racy has a content that its name
                      once had, and so has each object; what vanished and was
                      not taken away is in the bucket as it last was. NAME.1
                      is what was put back where NAME was taken
  --tidy              no file aside below --tree, no temporary file in the
                      home, no reply half applied, no upload left in parts
  --part-size BYTES   of uploads in parts, if it is not the config's

A row counts only for as long as its key is not another file's: rows of
retired policies, and of files that are gone, give way to one that lives.
Prints a line for each violation; exit status 1 if there is any, 0 if none.
"""

import argparse
import collections
import hashlib
import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import urllib.parse

MIB = 1 << 20
MULTIPART_BYTES = 16 * MIB
MOST_PARTS = 10000

violations = []


def violated(format_, *values):
    violations.append(format_ % values)


def printable(name):
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(MIB):
            digest.update(block)
    return digest.hexdigest()


def digest_of_parts(path, part_bytes):
    """How the ledger names what was sent in parts: the digest of theirs."""
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(part_bytes):
            whole.update(hashlib.sha256(block).digest())
    return whole.hexdigest()


class Bucket:
    """The objects of the fake S3 as they lie on its disk."""

    def __init__(self, root, name):
        self.folder = os.path.join(root, name, "objects")
        self.uploads = os.path.join(root, name, "uploads")
        self.digests = {}

    def path(self, key):
        return os.path.join(self.folder, hashlib.sha256(key).hexdigest())

    def has(self, key):
        return os.path.exists(self.path(key) + ".meta")

    def digest(self, key):
        if key not in self.digests:
            self.digests[key] = digest_of(self.path(key)) \
                if self.has(key) else None
        return self.digests[key]

    def keys(self):
        for entry in sorted(os.listdir(self.folder)):
            if entry.endswith(".meta"):
                with open(os.path.join(self.folder, entry), "rb") as file:
                    yield urllib.parse.unquote_to_bytes(
                        file.readline().rstrip(b"\n"))


class Check:
    def __init__(self, arguments):
        self.arguments = arguments
        self.home = os.fsencode(arguments.home)
        self.bucket = Bucket(arguments.s3_root, arguments.bucket)
        self.key_prefix = os.fsencode(arguments.key_prefix)

    def own(self, suffix):
        return os.path.join(self.arguments.home,
                            self.arguments.prefix + suffix)

    def key(self, name):
        return self.key_prefix + name

    def is_there(self, name):
        return os.path.lexists(os.path.join(self.home, name))

    # ---- the ledger ----

    def rows(self):
        """All rows of the bucket, from a copy: a look must change nothing."""
        path = self.own("-ledger.db")
        if not os.path.exists(path):
            return []
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "ledger.db")
            for suffix in ("", "-wal", "-journal"):
                if os.path.exists(path + suffix):
                    shutil.copyfile(path + suffix, copy + suffix)
            ledger = sqlite3.connect(copy)
            try:
                sound = ledger.execute("pragma integrity_check").fetchall()
                if sound != [("ok",)]:
                    violated("ledger: integrity_check: %s", sound[:3])
                return ledger.execute(
                    "select f.name, f.key, f.size, f.sha256, f.racy,"
                    " p.position is not null, f.proof from file f"
                    " join policy p on p.id = f.policy"
                    " where f.state = 0 and p.bucket = ?",
                    (self.arguments.bucket,)).fetchall()
            except sqlite3.Error as error:
                violated("ledger: %s", error)
                return []
            finally:
                ledger.close()

    def part_sizes(self):
        sizes = {8 * MIB}
        if self.arguments.part_size:
            return {self.arguments.part_size}
        try:
            with open(self.own(".json"), encoding="utf-8") as file:
                config = json.load(file)
            for holder in [config] + list(config.get("policies", [])):
                if "s3_part_size" in holder:
                    sizes.add(holder["s3_part_size"])
        except (OSError, ValueError, AttributeError, TypeError):
            pass  # check_documents tells of it
        return sizes

    def is_object(self, key, size, sha256):
        path = self.bucket.path(key)
        if not self.bucket.has(key) or os.path.getsize(path) != size:
            return False
        if self.bucket.digest(key) == sha256:
            return True
        if size < MULTIPART_BYTES:
            return False
        least = -(-size // MOST_PARTS)
        return any(
            digest_of_parts(path, max(part, -(-least // MIB) * MIB)) == sha256
            for part in self.part_sizes())

    def is_superseded(self, row, by_key):
        """Another row has its key, and its own file or policy is gone."""
        name, key, _, _, _, lives, _ = row
        own_lives = lives and self.is_there(name)
        return not own_lives and any(
            other[5] and other is not row and
            (not lives or other[0] != name and self.is_there(other[0]))
            for other in by_key[key])

    def check_rows(self, rows):
        by_key = collections.defaultdict(list)
        for row in rows:
            by_key[row[1]].append(row)
        for row in rows:
            name, key, size, sha256, _, _, proof = row
            if sha256 is None:
                # sent, but the file moved meanwhile: nothing is claimed
                if proof:
                    violated("ledger: %s: a proof without a checksum",
                             printable(name))
            elif not self.bucket.has(key):
                violated("ledger: %s: uploaded, but %s is not in the bucket",
                         printable(name), printable(key))
            elif not self.is_object(key, size, sha256.hex()) and \
                    not self.is_superseded(row, by_key):
                violated("ledger: %s: %s has another content in the bucket",
                         printable(name), printable(key))

    # ---- the home folder ----

    def check_documents(self):
        for suffix in (".json", "-context.json", "-keys.json"):
            try:
                with open(self.own(suffix), "rb") as file:
                    json.loads(file.read())
            except FileNotFoundError:
                pass
            except (OSError, ValueError) as error:
                violated("%s: %s", self.own(suffix), error)

    def check_tidy(self):
        known = {self.arguments.prefix + suffix for suffix in (
            ".json", "-context.json", "-keys.json", "-ledger.db",
            "-ledger.db-wal", "-ledger.db-shm", ".lock")}
        for entry in os.listdir(self.arguments.home):
            if entry.startswith(self.arguments.prefix) and \
                    entry not in known:
                violated("home: %s was left", entry)
        for entry in os.listdir(self.bucket.uploads):
            violated("bucket: the upload %s was left", entry)
        if self.arguments.tree:
            for name in self.files(self.arguments.tree[0]):
                if os.path.basename(name).startswith(b".s3-ingestor-"):
                    violated("tree: %s was left", printable(name))

    # ---- files ----

    def files(self, folder):
        """Regular files below it, by their names from the home."""
        for path, _, names in os.walk(os.fsencode(folder)):
            for name in sorted(names):
                file = os.path.join(path, name)
                if os.path.isfile(file) and not os.path.islink(file):
                    yield os.path.relpath(file, self.home)

    def check_tree(self, folder, mode):
        names = set(self.files(folder))
        for name in sorted(names):
            if os.path.basename(name).startswith(b"."):
                continue
            wanted = digest_of(os.path.join(self.home, name))
            if self.bucket.digest(self.key(name)) != wanted:
                violated("tree: %s is not in the bucket as it is",
                         printable(name))
        if mode == "exact":
            for key in self.bucket.keys():
                if key not in {self.key(name) for name in names}:
                    violated("bucket: nothing below %s is %s", folder,
                             printable(key))

    def check_before(self, path):
        with open(path, "rb") as file:
            for line in file.read().splitlines():
                sha256, name = line[:64].decode(), line[66:]
                if not self.is_there(name) and \
                        self.bucket.digest(self.key(name)) != sha256:
                    violated("removed: %s is not in the bucket as it was",
                             printable(name))

    def check_moved(self, folder):
        stored = {self.bucket.digest(key) for key in self.bucket.keys()}
        for name in self.files(folder):
            if digest_of(os.path.join(self.home, name)) not in stored:
                violated("moved: %s is not in the bucket", printable(name))

    # ---- the mutator's log ----

    def read_log(self, path):
        self.had = collections.defaultdict(set)
        self.last = {}
        self.torn = set()
        with open(path, "rb") as file:
            for line in file.read().splitlines():
                verb, sha256, name = line.split(b"\t", 2)
                if verb == b"torn":
                    self.torn.add(name)
                elif verb == b"gone":
                    self.last.pop(name, None)
                else:
                    self.had[name].add(sha256.decode())
                    if verb == b"had":
                        self.last[name] = sha256.decode()

    def had_ever(self, name, sha256):
        put_back = re.sub(rb"(\.[0-9]+)+$", b"", name)
        return sha256 in self.had[name] or sha256 in self.had[put_back]

    def check_log(self, path, rows):
        self.read_log(path)
        for name, key, size, sha256, racy, _, _ in rows:
            if sha256 and not racy and size < MULTIPART_BYTES and \
                    not self.had_ever(name, sha256.hex()):
                violated("ledger: %s never had what is recorded",
                         printable(name))
        for key in self.bucket.keys():
            name = key[len(self.key_prefix):]
            if name not in self.torn and \
                    not self.had_ever(name, self.bucket.digest(key)):
                violated("bucket: %s never had what is stored",
                         printable(name))
        # under any key: its folder may have got another name just then
        stored = {self.bucket.digest(key) for key in self.bucket.keys()}
        for name, sha256 in sorted(self.last.items()):
            if not self.is_there(name) and sha256 not in stored:
                violated("removed: %s is not in the bucket as it last was",
                         printable(name))

    def run(self):
        rows = self.rows()
        self.check_rows(rows)
        self.check_documents()
        if self.arguments.tree:
            self.check_tree(*self.arguments.tree)
        if self.arguments.before:
            self.check_before(self.arguments.before)
        if self.arguments.moved:
            self.check_moved(self.arguments.moved)
        if self.arguments.log:
            self.check_log(self.arguments.log, rows)
        if self.arguments.tidy:
            self.check_tidy()


def parse_arguments():
    parser = argparse.ArgumentParser(
        usage=__doc__.split("\n\n")[1], allow_abbrev=False)
    for name in ("--home", "--prefix", "--s3-root", "--bucket"):
        parser.add_argument(name, required=True)
    parser.add_argument("--tree", nargs=2, metavar=("DIR", "MODE"))
    parser.add_argument("--key-prefix", default="")
    for name in ("--before", "--moved", "--log"):
        parser.add_argument(name)
    parser.add_argument("--tidy", action="store_true")
    parser.add_argument("--part-size", type=int)
    arguments = parser.parse_args()
    if arguments.tree and arguments.tree[1] not in ("equal", "exact"):
        parser.error("--tree DIR equal or exact")
    return arguments


def main():
    Check(parse_arguments()).run()
    for line in violations:
        print(line)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
