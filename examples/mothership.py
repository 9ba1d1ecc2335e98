#!/usr/bin/env python3
"""A small mothership: the other end of s3-ingestor, as an example.

    mothership.py serve --state FILE [--port N] [--port-file FILE]
    mothership.py configure HOST --state FILE --config JSON --keys FILE

An agent phones home with a POST whose body is {"context": {...}}. The context
is what this mothership answered last, and with it come

    version  of the agent
    action   startup, heartbeat, wakeup, upload, or the name of what it was
             asked to do
    info     {"hostname": ...}, much more of it with startup
    result   what came of uploads or of an action
    error    what went wrong, in words

The answer is one JSON object. Three of its keys are orders and are taken out:

    aws_keys  {"access_key_id", "secret_access_key"}: the keys from now on
    config    settings to merge into the agent's
    action    something to do at once; the agent reports with another POST

All the rest is the context that the agent keeps and sends the next time. Its
`state` decides whether files are uploaded: only if it is "configured".

This example keeps one record for each host in a JSON file. A host that it
never saw is "discovered"; `configure` puts orders on record, and the next
contact of that host gets them.
"""
import argparse
import concurrent.futures
import contextlib
import datetime
import fcntl
import http.server
import json
import os
import queue
import threading


@contextlib.contextmanager
def registry(path):
    """All records, locked, written back whole at the end."""
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        hosts = {}
        if os.path.exists(path):
            with open(path) as text:
                hosts = json.load(text)
        yield hosts
        beside = path + ".new"
        # A line for each host: an indent takes four times as long.
        lines = ("%s: %s" % (json.dumps(name), json.dumps(host))
                 for name, host in hosts.items())
        with open(beside, "w") as text:
            text.write("{\n%s\n}\n" % ",\n".join(lines))
        os.chmod(beside, 0o600)
        os.rename(beside, path)


def answer(hosts, context, seen):
    """The reply to one contact, and a line that tells of it."""
    hostname = context.get("info", {}).get("hostname", "?")
    host = hosts.setdefault(hostname, {"state": "discovered", "contacts": 0})
    host["contacts"] += 1
    host["seen"] = seen
    host["version"] = context.get("version")
    for word in ("result", "error"):
        if word in context:
            host["last_" + word] = context[word]

    # What the agent keeps and sends back. A secret has no place here.
    reply = {"state": host["state"], "contacts": host["contacts"]}
    # Orders are given once.
    reply.update(host.pop("orders", {}))

    line = "%s: %s, agent %s" % (hostname, context.get("action"),
                                 context.get("state"))
    if "result" in context:
        line += ", result " + json.dumps(context["result"])
    if "error" in context:
        line += ", error " + json.dumps(context["error"])
    return reply, line + " -> " + reply["state"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        seen = datetime.datetime.now(datetime.timezone.utc).isoformat()
        try:
            size = int(self.headers.get("Content-Length", 0))
            context = json.loads(self.rfile.read(size))["context"]
            context["info"]["hostname"].encode()
        except (ValueError, KeyError, TypeError, AttributeError):
            self.send_error(400, "the body must be {\"context\": {...}}, "
                            "with info and its hostname")
            return
        reply, line = self.server.ask(context, seen)
        print(line, flush=True)
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    # All agents tick at the same second. With the 5 of the library those that
    # do not fit in have to try again after 1, 3, 7 ... seconds, or are cut off.
    request_queue_size = 1024

    def __init__(self, port, state):
        super().__init__(("127.0.0.1", port), Handler)
        self.state = state
        self.contacts = queue.Queue()
        threading.Thread(target=self.keep_record, daemon=True).start()

    def ask(self, context, seen):
        """The answer, once it is on record."""
        future = concurrent.futures.Future()
        self.contacts.put((context, seen, future))
        return future.result()

    def keep_record(self):
        while True:
            waiting = [self.contacts.get()]
            while not self.contacts.empty():
                waiting.append(self.contacts.get())
            self.answer_all(waiting)

    def answer_all(self, waiting):
        """The record is as long as the fleet: it is written once for all."""
        try:
            with registry(self.state) as hosts:
                answers = [answer(hosts, context, seen)
                           for context, seen, _ in waiting]
        except OSError as problem:
            for _, _, future in waiting:
                future.set_exception(problem)
            return
        for (_, _, future), one in zip(waiting, answers):
            future.set_result(one)


def serve(options):
    server = Server(options.port, options.state)
    port = server.server_address[1]
    if options.port_file:
        with open(options.port_file + ".new", "w") as out:
            out.write("%d\n" % port)
        os.rename(options.port_file + ".new", options.port_file)
    print("listening on 127.0.0.1:%d" % port, flush=True)
    server.serve_forever()


def configure(options):
    orders = {}
    if options.config:
        orders["config"] = json.loads(options.config)
    if options.keys:
        with open(options.keys) as text:
            orders["aws_keys"] = json.load(text)
    if options.action:
        orders["action"] = options.action
    with registry(options.state) as hosts:
        host = hosts.setdefault(options.host, {"contacts": 0})
        host["state"] = "configured"
        host["orders"] = orders


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("serve", help="answer agents")
    one.add_argument("--port", type=int, default=0)
    one.add_argument("--port-file")
    one.set_defaults(run=serve)
    two = commands.add_parser("configure", help="orders for one host")
    two.add_argument("host")
    two.add_argument("--config", help="settings, a JSON object")
    two.add_argument("--keys", help="file with the S3 keys")
    two.add_argument("--action", help="something to do at once")
    two.set_defaults(run=configure)
    for command in (one, two):
        command.add_argument("--state", required=True,
                             help="JSON file of all hosts")
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
