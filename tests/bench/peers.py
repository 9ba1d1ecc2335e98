"""What else would do the work: how it is called to do the same."""
import functools
import os
import shutil
import subprocess

from measure import CLEAN, PATH, Command

REGION = "us-east-1"


@functools.lru_cache(maxsize=None)
def find_tool(name):
    """The distribution's own, before what stands first in PATH: a shim there
    may start something else, and slowly. None: there is none that works."""
    for path in ("/usr/bin/" + name, "/usr/sbin/" + name,
                 shutil.which(name, path=PATH)):
        if path and os.access(path, os.X_OK) and version_of(path):
            return path
    return None


@functools.lru_cache(maxsize=None)
def version_of(path):
    """The first line of what it says about itself, None: it does not work.
    Asking also brings it into memory, so that no peer starts cold."""
    words = {"openssl": "version", "nginx": "-v"}
    option = words.get(os.path.basename(path), "--version")
    try:
        done = subprocess.run([path, option], env=CLEAN, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.decode(errors="replace").splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def find(folder):
    return Command("find -printf", ["find", folder, "-type", "f", "-printf",
                                    r"%T@ %s %p\n"])


# ---- curl ----

def curl(*words):
    """curl with nothing that slows it down: no settings, no proxy, no waiting
    for a server's consent."""
    return ["curl", "-q", "-sS", "--fail", "--noproxy", "*", "--http1.1",
            "-H", "Expect:", *words]


def curl_list(path, files, url):
    """A list for curl -K: each file to its name below url."""
    with open(path, "w") as out:
        for name, file in files:
            out.write('upload-file = "%s"\nurl = "%s/%s"\n' % (
                file, url, name))
    return path


def curl_parallel(path, connections, *words):
    return curl("--parallel", "--parallel-immediate", "--parallel-max",
                str(connections), *words, "-K", path)


def with_digest(path, argv):
    """A shell that hashes the files at path while argv runs, until both ended.
    """
    return ["sh", "-c", 'find "$0" -type f -exec openssl dgst -sha256 {} + '
            '>/dev/null & pid=$!; "$@" || exit 1; wait $pid', path, *argv]


# ---- clients of S3 ----

class Client:
    """tool with the words to copy a folder into the bucket, nothing being
    there (first), or all of it (again)."""

    def __init__(self, name, tool, first, again, env=None):
        self.name = name
        self.tool = tool
        self.first = first
        self.again = again
        self.env = env or {}

    def command(self, words, **more):
        return Command(self.name, [self.tool, *words], is_peer=True,
                       env=self.env, **more)


def rclone(server, data):
    remote = (":s3,provider=Other,endpoint='%s',access_key_id=%s,"
              "secret_access_key=%s,region=%s,force_path_style=true:"
              "bucket/data" % (server.endpoint, *server.keys, REGION))
    options = ["copy", "--config", os.devnull, "--s3-no-check-bucket",
               "--s3-no-head", "--transfers", "32", "--checkers", "32"]
    return Client("rclone", find_tool("rclone"),
                  [*options, "--no-check-dest", data, remote],
                  [*options, "--s3-list-version", "2", "--fast-list",
                   "--use-server-modtime", "--update", data, remote])


def s3cmd_options(server):
    host = server.endpoint.split("//")[1]
    return ["--config", os.devnull, "--no-ssl", "--host", host,
            "--host-bucket", host, "--access_key", server.keys[0],
            "--secret_key", server.keys[1], "--region", REGION]


def s3(server, *words):
    """s3cmd for what an item needs done beside the measuring. What it said;
    that a bucket is not there yet is no failure."""
    done = subprocess.run([find_tool("s3cmd"), *s3cmd_options(server), *words],
                          env=CLEAN, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return done.stdout.decode()


def s3cmd(server, data):
    words = [*s3cmd_options(server), "--quiet", "--no-preserve",
             "--no-check-md5", "sync", data + "/", "s3://bucket/data/"]
    return Client("s3cmd", find_tool("s3cmd"), words, words)


def aws(server, data):
    words = ["--endpoint-url", server.endpoint, "s3", "sync", "--only-show-"
             "errors", data, "s3://bucket/data"]
    return Client("aws-cli", find_tool("aws"), words, words, {
        "AWS_ACCESS_KEY_ID": server.keys[0],
        "AWS_SECRET_ACCESS_KEY": server.keys[1],
        "AWS_DEFAULT_REGION": REGION, "AWS_CONFIG_FILE": os.devnull})


def clients(server, data):
    """Those that are installed."""
    return [client for client in (make(server, data)
                                  for make in (rclone, s3cmd, aws))
            if client.tool]
