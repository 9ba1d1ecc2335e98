"""Homes of the program, and trees of files in them."""
import json
import os
import shutil
import tempfile

from measure import PROGRAM, Missing
from stage import KEY, SECRET, folder_on_memory

TREE_BYTES = 6 * 1024  # what a small file takes on tmpfs


class Home:
    """A folder with settings and keys; the files to be sent are in data."""

    def __init__(self, path, endpoint, keys=(KEY, SECRET), port=1, **settings):
        self.path = path
        self.data = os.path.join(path, "data")
        os.makedirs(self.data)
        self.write("", dict({
            "host_service": "http", "host_dns": "127.0.0.1",
            "host_port": port, "s3_bucket": "bucket", "s3_endpoint": endpoint,
            "policies": [{"input_file_pattern": "data/**/*"}]}, **settings))
        self.write("-context", {"state": "configured"})
        self.write("-keys", {"access_key_id": keys[0],
                             "secret_access_key": keys[1]})

    def write(self, name, value):
        path = os.path.join(self.path, "s3-ingestor%s.json" % name)
        with open(path, "w") as out:
            json.dump(value, out)
        os.chmod(path, 0o600)

    def run(self, *options):
        """The program's command line."""
        return [PROGRAM, "--home", self.path, *options]

    def upload(self):
        return self.run("--standalone", "--quiet")

    def forget(self):
        """As if it had never run."""
        for name in os.listdir(self.path):
            if "ledger" in name:
                os.remove(os.path.join(self.path, name))


def make_files(folder, count, folders, size=24):
    """count files of size bytes below folder, evenly in folders."""
    for number in range(folders):
        os.makedirs(os.path.join(folder, "%06d" % number), exist_ok=True)
    for number in range(count):
        # a million of open() takes three times as long
        file = os.open(os.path.join(folder, name_of(number, folders)),
                       os.O_CREAT | os.O_WRONLY, 0o644)
        os.write(file, b"%*d\n" % (size - 1, number))
        os.close(file)


def name_of(number, folders):
    return "%06d/%08d.txt" % (number % folders, number)


def make_large(path, size):
    """A file that nothing can compress or leave out."""
    block = os.urandom(1024 * 1024)
    with open(path, "wb") as out:
        for number in range(0, size, len(block)):
            out.write(block[:size - number])
        # what is still to be written would be measured
        os.fsync(out.fileno())


def need_room(where, size):
    if shutil.disk_usage(where).free < size * 1.1:
        raise Missing("no room for %.1f GiB in %s" % (size / 2**30, where))


def need_memory(size):
    """tmpfs may say that it has room where the machine has no memory."""
    with open("/proc/meminfo") as text:
        facts = dict(line.split(":") for line in text)
    available = int(facts["MemAvailable"].split()[0]) * 1024
    if available < size * 1.2:
        raise Missing("no memory for %.1f GiB" % (size / 2**30))
    need_room(folder_on_memory() or tempfile.gettempdir(), size)
