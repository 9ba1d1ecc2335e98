#!/usr/bin/env python3
"""An HTTP proxy for the tests: --dir D; its port goes to D/port, each request
line and the Proxy-Authorization to D/log. --user NAME:PASSWORD wants them; --to HOST:PORT is where requests
go, whatever name they ask for."""
import argparse
import base64
import http.client
import http.server
import os
import select
import socket
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def allowed(self):
        server = self.server
        given = self.headers.get("Proxy-Authorization", "")
        with open(os.path.join(server.dir, "log"), "a") as log:
            log.write("%s\n" % self.requestline)
        if not server.user:
            return True
        wanted = "Basic " + base64.b64encode(server.user.encode()).decode()
        if given == wanted:
            return True
        self.send_response(407)
        self.send_header("Proxy-Authenticate", "Basic realm=\"x\"")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def do_CONNECT(self):
        if not self.allowed():
            return
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host.strip("[]"), int(port))) as far:
            self.send_response(200)
            self.end_headers()
            near = self.connection
            while True:
                ready, _, _ = select.select([near, far], [], [])
                for side in ready:
                    data = side.recv(65536)
                    if not data:
                        self.close_connection = True
                        return
                    (far if side is near else near).sendall(data)

    def forward(self):
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if not self.allowed():
            return
        url = urllib.parse.urlsplit(self.path)
        far = http.client.HTTPConnection(
            self.server.to or "%s:%s" % (url.hostname, url.port))
        headers = {k: v for k, v in self.headers.items()
                   if not k.lower().startswith("proxy-")}
        try:
            far.request(self.command,
                        url._replace(scheme="", netloc="").geturl(),
                        body, headers)
            reply = far.getresponse()
        except OSError:
            self.send_response(502)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = reply.read()
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding",
                                    "connection", "date", "server"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(data)))
        else:
            self.send_header("Content-Length",
                             reply.getheader("Content-Length", "0"))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_HEAD = forward

    def log_message(self, *arguments):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--user")
    parser.add_argument("--to")
    options = parser.parse_args()
    os.makedirs(options.dir, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.dir = options.dir
    server.user = options.user
    server.to = options.to
    port = os.path.join(options.dir, "port")
    with open(port + ".tmp", "w") as out:
        out.write("%d\n" % server.server_address[1])
    os.rename(port + ".tmp", port)
    server.serve_forever()


if __name__ == "__main__":
    main()
