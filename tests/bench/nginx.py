"""nginx as a sink: what is PUT becomes a file in memory, nothing is checked.

It is just enough of S3 for a client that uploads: every PUT has an ETag, the
bucket lists as empty, an upload in parts begins and ends, and each part is a
file of its own. It speaks HTTP and HTTPS.
"""
import os
import re
import subprocess

from measure import Failure, wait_until
from stage import Asked, Server, fetch, free_port

# No MD5, which a client would compare with its own.
ETAG = '"0-1"'
LISTING = ("<ListBucketResult><IsTruncated>false</IsTruncated>"
           "</ListBucketResult>")
BEGUN = ("<InitiateMultipartUploadResult><UploadId>1</UploadId>"
         "</InitiateMultipartUploadResult>")
ENDED = ("<CompleteMultipartUploadResult><ETag>&quot;0-1&quot;</ETag>"
         "</CompleteMultipartUploadResult>")
CONFIG = """
%(user)s
daemon off;
worker_processes 1;
pid %(home)s/pid;
error_log %(home)s/errors warn;
worker_rlimit_nofile 8192;
events { worker_connections 2048; }
http {
  access_log off;
  types { }
  default_type application/xml;
  keepalive_timeout 300;
  keepalive_requests 100000000;
  tcp_nodelay on;
  client_max_body_size 0;
  client_body_buffer_size 128k;
  client_body_temp_path %(root)s/begun;
  proxy_temp_path %(home)s/t1;
  fastcgi_temp_path %(home)s/t2;
  uwsgi_temp_path %(home)s/t3;
  scgi_temp_path %(home)s/t4;
  map $arg_partNumber $part { "" ""; default .$arg_partNumber; }
  map $args $answer { "~^uploads" '%(begun)s'; default '%(ended)s'; }
  server {
    listen 127.0.0.1:%(port)d backlog=1024;
    listen 127.0.0.1:%(secure)d ssl backlog=1024;
    ssl_certificate %(home)s/server.crt;
    ssl_certificate_key %(home)s/server.key;
    root %(root)s/kept;
    location = /count { stub_status; }
    location = /bucket { return 200 '%(listing)s'; }
    location = /bucket/ { return 200 '%(listing)s'; }
    location / {
      if ($request_method = POST) { return 200 $answer; }
      rewrite ^(.*)$ $1$part break;
      dav_methods PUT DELETE;
      create_full_put_path on;
      add_header ETag '%(etag)s';
    }
  }
}
"""


def openssl(*words):
    subprocess.run(["openssl", *words], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates(home):
    """A CA of this run only, and a certificate of it for 127.0.0.1."""
    ca, server = os.path.join(home, "ca"), os.path.join(home, "server")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes"]
    with open(server + ".ext", "w") as out:
        out.write("subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-x509", *new_key, "-keyout", ca + ".key", "-out",
            ca + ".crt", "-subj", "/CN=bench", "-days", "2")
    openssl("req", *new_key, "-keyout", server + ".key", "-out",
            server + ".csr", "-subj", "/CN=127.0.0.1")
    openssl("x509", "-req", "-in", server + ".csr", "-CA", ca + ".crt",
            "-CAkey", ca + ".key", "-CAcreateserial", "-days", "2",
            "-extfile", server + ".ext", "-out", server + ".crt")
    return ca + ".crt"


def start(stage):
    home, root = stage.path("nginx"), stage.path("sink")
    for path in (home, root + "/kept", root + "/begun"):
        os.makedirs(path)
    port, secure = free_port(), free_port()
    ca = make_certificates(home)
    with open(os.path.join(home, "conf"), "w") as out:
        out.write(CONFIG % {
            "user": "user root;" if os.getuid() == 0 else "", "home": home,
            "root": root, "port": port, "secure": secure, "etag": ETAG,
            "listing": LISTING, "begun": BEGUN, "ended": ENDED})
    child = stage.spawn(["nginx", "-p", home, "-c", home + "/conf",
                         "-e", home + "/errors"], stdin=subprocess.DEVNULL)
    server = Server("http://127.0.0.1:%d" % port, None, root + "/kept",
                    secure="https://127.0.0.1:%d" % secure, ca=ca)
    server.count = Counter(server.endpoint)
    wait_until(lambda: child.poll() is not None or answers(server),
               "nginx does not answer")
    if child.poll() is not None:
        with open(home + "/errors") as text:
            raise Failure("nginx: " + text.read())
    return server


def answers(server):
    try:
        return server.count()
    except OSError:
        return None


class Counter:
    """What nginx says of itself, without what asking for it took."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.asked = 0

    def __call__(self):
        text = fetch(self.endpoint + "/count")
        self.asked += 1
        accepted, _, requests = map(
            int, re.search(r"(\d+) (\d+) (\d+)", text).groups())
        return Asked(requests - self.asked, accepted - self.asked)

