"""Servers on free loopback ports, ended with the program that uses them."""
import atexit
import json
import os
import subprocess
import time

from measure import BUILD, ROOT

KEY, SECRET = "FAKEACCESSKEY", "fake/secret+key"
_children = []


def _end():
    for child in _children:
        child.terminate()
        child.wait()


atexit.register(_end)


def _start(argv, port_file, stdin=None):
    _children.append(subprocess.Popen(argv, stdin=stdin,
                                      stdout=subprocess.DEVNULL))
    for _ in range(400):
        if os.path.exists(port_file) and os.path.getsize(port_file):
            with open(port_file) as text:
                return int(text.read())
        time.sleep(0.05)
    raise SystemExit("%s did not start" % argv[0])


def fake_s3(folder):
    """A bucket named bucket below folder. The endpoint, and its log."""
    os.makedirs(os.path.join(folder, "s3"))
    log = os.path.join(folder, "s3.log")
    port = _start([os.path.join(BUILD, "tests", "fake-s3"),
                   "--root", os.path.join(folder, "s3"),
                   "--bucket", "bucket", "--log", log,
                   "--port-file", os.path.join(folder, "s3.port"),
                   "--access-key", KEY, "--secret-key", SECRET],
                  os.path.join(folder, "s3.port"))
    return "http://127.0.0.1:%d" % port, log


def mothership(folder):
    """Answers everything with the state configured. Its port."""
    home = os.path.join(folder, "mother")
    os.makedirs(home)
    return _start(["/usr/bin/env", "python3",
                   os.path.join(ROOT, "tests", "servers", "mothership.py"),
                   "--dir", home], os.path.join(home, "port"))


def listing(folder, keys, size):
    """A bucket of those keys that only lists. Its port."""
    path = os.path.join(folder, "keys")
    with open(path, "w") as out:
        out.writelines(key + "\n" for key in keys)
    port_file = os.path.join(folder, "listing.port")
    with open(path) as text:
        return _start(["/usr/bin/env", "python3",
                       os.path.join(ROOT, "tests", "bench", "listing.py"),
                       port_file, str(size)], port_file, text)


def make_home(folder, endpoint, mothership_port, config=None):
    os.makedirs(os.path.join(folder, "data"))
    settings = {"host_service": "http", "host_dns": "127.0.0.1",
                "host_port": mothership_port, "s3_bucket": "bucket",
                "s3_endpoint": endpoint,
                "policies": [{"input_file_pattern": "data/**/*"}]}
    settings.update(config or {})
    for name, value in (("", settings),
                        ("-context", {"state": "configured"}),
                        ("-keys", {"access_key_id": KEY,
                                   "secret_access_key": SECRET})):
        path = os.path.join(folder, "s3-ingestor%s.json" % name)
        with open(path, "w") as out:
            json.dump(value, out)
        os.chmod(path, 0o600)


def make_files(folder, count, folders, size=24):
    """count files of size bytes below folder, evenly in folders."""
    for number in range(folders):
        os.makedirs(os.path.join(folder, "%06d" % number), exist_ok=True)
    for number in range(count):
        path = os.path.join(folder, "%06d" % (number % folders),
                            "%08d.txt" % number)
        with open(path, "wb") as out:
            out.write((b"%*d\n" % (size - 1, number))[:size])


def count_lines(path):
    with open(path, "rb") as text:
        return sum(1 for _ in text)
