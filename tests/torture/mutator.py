#!/usr/bin/env python3
"""A storm over a folder of files, as fast as it can, until it is ended.

mutator.py --home DIR --folder data --log FILE --seed N [--files N]

SIGTERM ends it after the change that it is at. FILE says what each name had
and what was taken away, as invariants.py reads it. Prints the number of
changes at the end.
"""

import argparse
import hashlib
import os
import random
import signal
import stat
import sys

ended = False


def end(_signal, _frame):
    global ended
    ended = True


class Storm:
    def __init__(self, arguments):
        self.random = random.Random(arguments.seed)
        self.folder = arguments.folder
        self.count = arguments.files
        self.log = open(arguments.log, "ab", buffering=0)
        self.changes = 0

    def name(self):
        n = self.random.randrange(self.count)
        return "%s/%d/f%d" % (self.folder, n % 7, n)

    def content(self):
        size = self.random.choice((0, 1, 100, 100, 5000, 300000))
        return self.random.randbytes(size)

    def say(self, verb, name, content=None):
        digest = "-" if content is None else \
            hashlib.sha256(content).hexdigest()
        self.log.write(b"%s\t%s\t%s\n" % (verb, digest.encode(),
                                          name.encode()))

    def gone(self, name):
        self.say(b"gone", name)

    # ---- what may happen ----

    def replace(self, name):
        """Whole, under another name, then over it."""
        content = self.content()
        with open("new", "wb") as file:
            file.write(content)
        self.say(b"may", name, content)
        os.replace("new", name)
        self.say(b"had", name, content)

    def in_place(self, name):
        """One write to the file as it stands."""
        descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW)
        try:
            size = os.fstat(descriptor).st_size
            content = self.random.randbytes(self.random.choice((1, size + 9)))
            at = self.random.choice((0, size))
            old = os.pread(descriptor, size, 0)
            new = old[:at] + content + old[at + len(content):]
            if self.is_ours(descriptor, name):
                self.say(b"torn", name)
                self.say(b"may", name, new)
                os.pwrite(descriptor, content, at)
                self.say(b"had", name, new)
        finally:
            os.close(descriptor)

    def cut(self, name):
        descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW)
        try:
            size = os.fstat(descriptor).st_size // 2
            if self.is_ours(descriptor, name):
                new = os.pread(descriptor, size, 0)
                self.say(b"may", name, new)
                os.ftruncate(descriptor, size)
                self.say(b"had", name, new)
        finally:
            os.close(descriptor)

    @staticmethod
    def is_ours(descriptor, name):
        """Not on its way out: it may be put back, or not."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(name))
        except FileNotFoundError:
            return False

    def delete(self, name):
        os.unlink(name)
        self.gone(name)

    def rename(self, name):
        other = self.name()
        if not stat.S_ISREG(os.lstat(name).st_mode):
            return
        with open(name, "rb") as file:
            content = file.read()
        self.say(b"may", other, content)
        os.rename(name, other)
        self.gone(name)
        self.say(b"had", other, content)

    def deny(self, name):
        os.chmod(name, self.random.choice((0, 0o600)))

    def fifo(self, name):
        os.unlink(name)
        self.gone(name)
        os.mkfifo(name)

    def make_folder(self, name):
        os.unlink(name)
        self.gone(name)
        os.mkdir(name)

    def link(self, name):
        os.unlink(name)
        self.gone(name)
        os.symlink("/etc/passwd", name)

    def clear(self, name):
        """Away with what is no file."""
        if os.path.islink(name) or not os.path.isdir(name):
            if not os.path.isfile(name) or os.path.islink(name):
                os.unlink(name)
        else:
            os.rmdir(name)

    def change(self):
        kinds = ((self.replace, 8), (self.in_place, 6), (self.cut, 2),
                 (self.delete, 2), (self.rename, 2), (self.deny, 1),
                 (self.fifo, 1), (self.make_folder, 1), (self.link, 1),
                 (self.clear, 3))
        kind = self.random.choices([k for k, _ in kinds],
                                   [w for _, w in kinds])[0]
        name = self.name()
        try:
            os.makedirs(os.path.dirname(name), exist_ok=True)
            kind(name)
            self.changes += 1
        except OSError:
            pass  # it was something else, or gone

    def settle(self):
        """At the end every name is a file that may be read, or none."""
        for path, folders, names in os.walk(self.folder):
            for name in folders + names:
                name = os.path.join(path, name)
                if os.path.islink(name) or not os.path.isdir(name):
                    try:
                        if os.path.isfile(name) and not os.path.islink(name):
                            os.chmod(name, 0o600)
                        else:
                            os.unlink(name)
                    except FileNotFoundError:
                        pass


def main():
    parser = argparse.ArgumentParser(usage=__doc__, allow_abbrev=False)
    for name in ("--home", "--folder", "--log"):
        parser.add_argument(name, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--files", type=int, default=100)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end)
    arguments.log = os.path.abspath(arguments.log)
    os.chdir(arguments.home)
    storm = Storm(arguments)
    while not ended:
        storm.change()
    storm.settle()
    print(storm.changes)


if __name__ == "__main__":
    sys.exit(main())
