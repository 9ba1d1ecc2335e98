"""A folder and the servers of one item; both are gone when it is over.

Servers listen on free ports of 127.0.0.1 and are ended by their pids. Each has
count(), what it was asked for so far, where it can tell.
"""
import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request

from measure import BUILD, CLEAN, ROOT, Failure, wait_until

KEY, SECRET = "FAKEACCESSKEY", "fake/secret+key"
BENCH = os.path.join(ROOT, "tests", "bench")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SERVERS = os.path.join(ROOT, "tests", "servers")


@dataclasses.dataclass
class Asked:
    requests: int
    connections: int = 0
    others: int = 0     # that a bucket which only lists was not made for
    size: int = 0       # bytes of bodies
    last_s: float = 0   # monotonic: when the last one began to come


@dataclasses.dataclass
class Server:
    endpoint: str
    count: object = None
    root: str = None    # where it keeps what it got
    log: str = None
    secure: str = None  # the endpoint with TLS
    ca: str = None
    keys: tuple = (KEY, SECRET)


def fetch(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url) as reply:
        return reply.read().decode()


def folder_on_memory():
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def folder_on_disk():
    os.makedirs(BUILD, exist_ok=True)
    return BUILD


def remove(path):
    """Faster than shutil where there are a million files."""
    subprocess.run(["rm", "-rf", path], check=True)


def empty(path):
    remove(path)
    os.makedirs(path)


class Stage(contextlib.ExitStack):
    def __init__(self):
        super().__init__()
        self._number = 0
        self.work = self.folder(folder_on_memory())

    def __exit__(self, *problem):
        """To the end, whatever signal comes meanwhile: it waits."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            return super().__exit__(*problem)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def folder(self, where):
        path = tempfile.mkdtemp(prefix="s3-ingestor-bench.", dir=where)
        self.callback(remove, path)
        return path

    def path(self, name):
        """A name in the work folder that nothing has yet."""
        self._number += 1
        return os.path.join(self.work, "%s.%d" % (name, self._number))

    def spawn(self, argv, **more):
        """Start a server in a session of its own: what ends the bench shall
        not end it first."""
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=CLEAN,
                                 start_new_session=True, **more)
        self.callback(end, child)
        return child

    def listen(self, argv, port_file, stdin=subprocess.DEVNULL):
        """Start a server that writes its port to a file. The port."""
        child = self.spawn(argv, stdin=stdin)
        wait_until(lambda: os.path.exists(port_file) and
                   os.path.getsize(port_file) or child.poll() is not None,
                   "%s does not listen" % argv[0], 120)
        if child.poll() is not None:
            raise Failure("%s ended with %d" % (argv[0], child.returncode))
        with open(port_file) as text:
            return int(text.read())

    # ---- the servers ----

    def fake_s3(self):
        """A strict S3 with a bucket named bucket."""
        root, log, port_file = map(self.path, ("s3", "s3.log", "s3.port"))
        os.makedirs(root)
        port = self.listen([
            os.path.join(BUILD, "tests", "fake-s3"), "--root", root,
            "--bucket", "bucket", "--log", log, "--port-file", port_file,
            "--access-key", KEY, "--secret-key", SECRET], port_file)
        return Server("http://127.0.0.1:%d" % port,
                      lambda: Asked(count_lines(log)),
                      os.path.join(root, "bucket", "objects"), log)

    def mothership(self):
        """Records what it is told. Its port, and the folder of requests."""
        home = self.path("mothership")
        os.makedirs(home)
        port = self.listen([
            sys.executable, os.path.join(SERVERS, "mothership.py"),
            "--dir", home], os.path.join(home, "port"))
        return port, os.path.join(home, "requests")

    def sink(self, answer=None):
        """A bucket that drops all, and a mothership that says answer."""
        port_file = self.path("sink.port")
        argv = [os.path.join(BUILD, "tests", "sink"), "--port-file", port_file]
        if answer:
            path = self.path("answer")
            with open(path, "w") as out:
                out.write(answer)
            argv += ["--answer", path]
        endpoint = "http://127.0.0.1:%d" % self.listen(argv, port_file)
        questions = 0

        def count():
            nonlocal questions
            requests, connections, size, last_us = map(
                int, fetch(endpoint + "/count").split())
            questions += 1  # each has a connection of its own
            return Asked(requests, connections - questions, size=size,
                         last_s=last_us / 1e6)
        return Server(endpoint, count)

    def listing(self, keys, size):
        """A bucket of those keys that only lists, and drops what is put."""
        path, port_file = self.path("keys"), self.path("listing.port")
        with open(path, "w") as out:
            out.writelines(key + "\n" for key in keys)
        with open(path) as text:
            port = self.listen([
                sys.executable, os.path.join(BENCH, "listing.py"),
                port_file, str(size)], port_file, text)
        os.remove(path)
        endpoint = "http://127.0.0.1:%d" % port

        def count():
            pages, puts, others = map(int, fetch(endpoint + "/count").split())
            return Asked(pages + puts + others, others=others)
        return Server(endpoint, count)

    def relay(self, endpoint, delay_ms):
        """The same server, each way so much further off."""
        port_file = self.path("relay.port")
        port = self.listen([
            os.path.join(BUILD, "tests", "relay"), "--to",
            endpoint.split("//")[1], "--port-file", port_file,
            "--delay-ms", str(delay_ms)], port_file)
        return "http://127.0.0.1:%d" % port

    def rgw(self):
        """The real thing, or None where it is not installed."""
        if not shutil.which("radosgw") or not shutil.which("ceph-mon"):
            return None
        home = self.path("rgw")
        self.callback(subprocess.run, [
            os.path.join(SERVERS, "rgw-down.sh"), home], check=False)
        said = subprocess.run(
            [os.path.join(SERVERS, "rgw-up.sh"), home], env=CLEAN,
            check=True, stdout=subprocess.PIPE).stdout.decode()
        facts = dict(line.split("=", 1) for line in said.splitlines())
        return Server(facts["RGW_ENDPOINT"],
                      keys=(facts["RGW_KEY"], facts["RGW_SECRET"]))


def end(child):
    child.terminate()
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def count_lines(path):
    with open(path, "rb") as text:
        return sum(1 for _ in text)


def count_files(path):
    """How many files there are below path, and their bytes together."""
    files = total = 0
    for where, _, names in os.walk(path):
        for name in names:
            files += 1
            total += os.path.getsize(os.path.join(where, name))
    return files, total
