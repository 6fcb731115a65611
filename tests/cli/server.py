# SPDX-License-Identifier: Apache-2.0
"""What the tests of `fundamentallm serve` share: the server as a process, and plain HTTP."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

import support

PATIENCE = 240  # seconds for what must come, whatever the machine has to do besides


class Server:
    """A server on a free port; a context manager that stops it."""

    def __init__(self, *arguments, model=(), device="cpu", environment=None, runner=()):
        environment = {key: value for key, value in {**os.environ, **(environment or {})}.items() if value is not None}
        self.process = subprocess.Popen([*runner, support.PROGRAM, "serve", *model, "--device", device, "--port", "0", *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self.line = self.process.stdout.readline().decode()
        found = re.fullmatch(r"fundamentallm: listening on (http://(\S+):(\d+))\n", self.line)
        if not found:
            raise RuntimeError(f"no URL: {self.line!r}, {self.process.communicate(timeout=PATIENCE)[1].decode()}")
        self.url, self.host, self.port = found[1], found[2], int(found[3])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=PATIENCE)

    def stop(self, number=signal.SIGTERM):
        """Exit status and stderr after a signal."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        errors = self.process.communicate(timeout=PATIENCE)[1].decode()
        return self.process.returncode, errors

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def get(self, path, **headers):
        status, _, body = self.request("GET", path, headers=headers)
        return status, json.loads(body)

    def post(self, path, fields, **headers):
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        status, _, reply = self.request("POST", path, body, {"Content-Type": "application/json", **headers})
        return status, json.loads(reply)

    def complete(self, **fields):
        """The reply of /v1/completions that must succeed."""
        status, reply = self.post("/v1/completions", fields)
        if status != 200:
            raise AssertionError(f"{status}: {reply}")
        return reply

    @contextlib.contextmanager
    def stream(self, path="/v1/completions", receive_bytes=None, **fields):
        """The response to a request for a stream, still unread, of which the system keeps so many bytes. Leaving closes the connection."""
        connection = self.connect()
        if receive_bytes is not None:
            connection.sock = socket.socket()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)  # before it is connected, or it grows
            connection.sock.settimeout(PATIENCE)
            connection.sock.connect((self.host, self.port))
        connection.request("POST", path, json.dumps({"stream": True, **fields}), {"Content-Type": "application/json"})
        response = connection.getresponse()
        try:
            yield response
        finally:
            response.close()
            connection.close()

    def events(self, **fields):
        """All events of a stream."""
        with self.stream(**fields) as response:
            return list(events_of(response))

    def raw(self, data):
        """What comes back for bytes that need be no HTTP."""
        with socket.create_connection((self.host, self.port), timeout=PATIENCE) as client:
            client.sendall(data)
            parts = []
            while part := client.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def metrics(self):
        text = self.request("GET", "/metrics")[2].decode()
        return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", text, re.M)}

    def until(self, holds, what):
        """Waits for metrics that fulfil a condition."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if holds(metrics := self.metrics()):
                return metrics
            time.sleep(0.02)
        raise AssertionError(f"never: {what}: {metrics}")


def events_of(response):
    """The data of server-sent events; "[DONE]" as it is."""
    for line in response:
        if line.startswith(b"data: "):
            data = line[6:].decode().strip()
            yield data if data == "[DONE]" else json.loads(data)


def text_of(events, choice=0):
    """The text of one choice of a stream."""
    return "".join(part["text"] for event in events if event != "[DONE]" for part in event["choices"] if part["index"] == choice)
