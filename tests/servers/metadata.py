#!/usr/bin/env python3
"""The metadata services of containers and instances, for the tests.

    metadata.py --dir D --key ID --secret S [--token T] [--lives SECONDS]
                [--bearer B] [--no-role] [--silent] [--broken]

Its port goes to D/port, each request line to D/log. IMDSv2 wants its session
token; containers are asked at /container, with --bearer as Authorization.
"""
import argparse
import http.server
import json
import os
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def keys(self):
        options = self.server.options
        with open(os.path.join(options.dir, "keys")) as text:
            key, secret, token, lives = text.read().split("\n")[:4]
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                             time.gmtime(time.time() + int(lives)))
        return json.dumps({"Code": "Success", "AccessKeyId": key,
                           "SecretAccessKey": secret, "Token": token,
                           "Expiration": ends})

    def answer(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def note(self):
        with open(os.path.join(self.server.options.dir, "log"), "a") as log:
            log.write("%s %s\n" % (self.command, self.path))

    def do_PUT(self):
        self.note()
        if self.server.options.silent:
            time.sleep(60)
        if self.path == "/latest/api/token" and \
                self.headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
            self.answer(200, "session")
        else:
            self.answer(400, "")

    def do_GET(self):
        self.note()
        options = self.server.options
        roles = "/latest/meta-data/iam/security-credentials/"
        if self.path == "/container":
            if options.bearer and \
                    self.headers.get("Authorization") != options.bearer:
                self.answer(401, "")
            else:
                self.answer(200, "{}" if options.broken else self.keys())
        elif self.headers.get("X-aws-ec2-metadata-token") != "session":
            self.answer(401, "")
        elif self.path == roles:
            self.answer(404 if options.no_role else 200, "the-role\n")
        elif self.path == roles + "the-role":
            self.answer(200, self.keys())
        else:
            self.answer(404, "")

    def log_message(self, *arguments):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--token", default="")
    parser.add_argument("--lives", default="3600")
    parser.add_argument("--bearer")
    parser.add_argument("--no-role", action="store_true")
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--broken", action="store_true")
    options = parser.parse_args()
    os.makedirs(options.dir, exist_ok=True)
    with open(os.path.join(options.dir, "keys"), "w") as out:
        out.write("\n".join([options.key, options.secret, options.token,
                             options.lives, ""]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.options = options
    port = os.path.join(options.dir, "port")
    with open(port + ".tmp", "w") as out:
        out.write("%d\n" % server.server_address[1])
    os.rename(port + ".tmp", port)
    server.serve_forever()


if __name__ == "__main__":
    main()
