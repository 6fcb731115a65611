#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`fundamentallm serve` under load: who waits, who is turned away, who leaves, and how it ends."""
import concurrent.futures
import json
import signal
import unittest

import server
import support

# A sanitized program is many times slower: a small model, and fewer of everything, are as long.
FEWER = 10 if support.SANITIZED else 1
MODEL = (support.SMALL_MODEL,) if support.SANITIZED else ()
# Samples of 200 tokens each, one after another: far longer than any of these tests looks on.
SAMPLES, ROOM = 3000 // FEWER, 1000 // FEWER
ENDLESS = {"prompt": "ROMEO:", "n": SAMPLES, "max_tokens": 200, "min_tokens": 200}
ONE_ROW = ("--max-rows", "1", "--max-queue", str(SAMPLES + ROOM - 1), "--threads", "1")


class Limits(support.CommandLineTest):
    def serve(self, *arguments, **options):
        running = server.Server(*arguments, model=MODEL, **options)
        self.addCleanup(running.__exit__)
        return running

    def started(self, running, count=1):
        """Waits until so many requests are under way."""
        running.until(lambda m: m["fundamentallm_requests_in_flight"] == count and m["fundamentallm_running_rows"] > 0, f"{count} requests")

    def test_many_streams_have_the_texts_of_one_run(self):
        count = 16 if support.SANITIZED else 64
        requests = [{"prompt": f"{'ROMEO JULIET KING All'.split()[i % 4]}:", "seed": i, "max_tokens": 10 if support.SANITIZED else 40, "temperature": 1, "top_k": 0, "top_p": 1} for i in range(count)]
        lines = "".join(json.dumps(request) + "\n" for request in requests).encode()
        wanted = [json.loads(line)["samples"][0]["text"] for line in self.generate(*MODEL, "--input", "-", stdin=lines).splitlines()]
        running = self.serve()
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            streams = list(pool.map(lambda request: running.events(**request), requests))
        self.assertEqual([server.text_of(events) for events in streams], wanted)
        self.assertEqual({events[-1] for events in streams}, {"[DONE]"})

    def test_what_finds_no_room_is_turned_away(self):
        running = self.serve(*ONE_ROW)
        with running.stream(**ENDLESS) as response:
            next(server.events_of(response))
            status, headers, body = running.request("POST", "/v1/completions", json.dumps({"prompt": "A", "n": ROOM + 1}), {"Content-Type": "application/json"})
            self.assertEqual((status, headers["Retry-After"]), (429, "1"))
            error = json.loads(body)["error"]
            self.assertEqual((error["type"], error["code"]), ("rate_limit_error", "queue_full"))
            self.assertIn(f"{SAMPLES} of {SAMPLES + ROOM}", error["message"])
            self.assertEqual(running.post("/v1/completions", {"prompt": "A", "n": SAMPLES + ROOM + 1})[0], 400, "it would never fit")
        running.until(lambda m: m["fundamentallm_samples_in_flight"] == 0, "room again")
        self.assertEqual(len(running.complete(prompt="A", n=ROOM + 1, max_tokens=1)["choices"]), ROOM + 1)

    def test_a_client_that_leaves_cancels(self):
        running = self.serve(*ONE_ROW)
        with running.stream(**ENDLESS) as response:
            next(server.events_of(response))
            self.started(running)
        running.until(lambda m: m["fundamentallm_running_rows"] == 0 and m["fundamentallm_queued_requests"] == 0, "cancelled")
        connection = running.connect()
        connection.request("POST", "/v1/completions", json.dumps(ENDLESS), {"Content-Type": "application/json"})
        self.started(running)
        connection.close()
        metrics = running.until(lambda m: m["fundamentallm_running_rows"] == 0 and m["fundamentallm_requests_in_flight"] == 0, "cancelled")
        self.assertEqual(metrics['fundamentallm_requests_abandoned_total{reason="disconnected"}'], 2)
        self.assertEqual(metrics["fundamentallm_kv_blocks_used"], 0)

    def test_a_client_that_does_not_read_holds_nobody_up(self):
        running = self.serve("--max-rows", "128", "--model-name", "m" * 16000)  # which is in every event
        with running.stream(receive_bytes=8192, prompt="ROMEO:", n=127, max_tokens=240, min_tokens=240, logprobs=32):  # some 500 MB
            count = 50 // FEWER
            self.assertEqual(len(running.complete(prompt="A", max_tokens=count, min_tokens=count)["choices"][0]["text"]), count)
            # Once too much waits for it, it is cancelled, though it is still there.
            metrics = running.until(lambda m: m["fundamentallm_running_rows"] == 0 and m["fundamentallm_prompts_finished_total"] == 2, "cancelled")
            self.assertLess(metrics["fundamentallm_generated_tokens_total"], 127 * 240)

    def test_a_request_takes_no_longer_than_its_time(self):
        running = self.serve(*ONE_ROW, "--timeout", "1")
        status, reply = running.post("/v1/completions", ENDLESS)
        self.assertEqual((status, reply["error"]["type"], reply["error"]["code"]), (408, "timeout_error", "timeout"))
        events = running.events(**ENDLESS)
        self.assertEqual(events[-1]["error"]["code"], "timeout")
        metrics = running.until(lambda m: m["fundamentallm_running_rows"] == 0, "cancelled")
        self.assertEqual(metrics['fundamentallm_requests_abandoned_total{reason="timeout"}'], 2)

    def test_tokens_are_limited(self):
        running = self.serve("--max-tokens", "5", "--model-name", "bard")
        self.assertEqual(running.complete(prompt="A", model="bard", min_tokens=5)["usage"]["completion_tokens"], 5)
        status, reply = running.post("/v1/completions", {"prompt": "A", "max_tokens": 6})
        self.assertEqual((status, reply["error"]["param"]), (400, "max_tokens"))
        self.assertIn("max_tokens: 6: must be at most 5", reply["error"]["message"])

    def test_connections_are_limited(self):
        running = self.serve(*ONE_ROW, "--max-connections", "1")
        with running.stream(**ENDLESS) as response:
            next(server.events_of(response))
            for _ in range(8):
                status, headers, body = running.request("GET", "/health")
                self.assertEqual((status, headers["Retry-After"], json.loads(body)["error"]["code"]), (429, "1", "too_many_connections"))

    def test_connections_that_rest_make_room(self):
        running = self.serve("--max-connections", "1")
        resting = running.connect()
        self.addCleanup(resting.close)
        resting.request("GET", "/health")
        response = resting.getresponse()
        self.assertEqual((response.status, response.will_close, json.loads(response.read())), (200, False, {"status": "ok"}))
        while running.get("/health")[0] == 429:  # until the server has gone from the reply to waiting for what follows
            pass
        self.assertEqual(resting.sock.recv(1), b"", "it was shut")

    def test_a_key(self):
        for options in ({"environment": {"FUNDAMENTALLM_API_KEY": "secret-1"}}, {}):
            arguments = () if options else ("--api-key", "secret-1")
            running = self.serve(*arguments, **options)
            for headers in ({}, {"Authorization": "Bearer secret-2"}, {"Authorization": "Bearer secret-"}, {"Authorization": "Bearer secret-11"},
                            {"Authorization": "secret-1"}, {"Authorization": "Bearer "}):
                status, reply = running.post("/v1/completions", {"prompt": "A"}, **headers)
                self.assertEqual((status, reply["error"]["code"]), (401, "invalid_api_key"), headers)
                self.assertEqual(running.request("GET", "/metrics", headers=headers)[0], 401)
                self.assertEqual(running.request("GET", "/nosuch", headers=headers)[0], 401)
            self.assertEqual(running.post("/v1/completions", {"prompt": "A"}, Authorization="Bearer secret-1")[0], 200)
            self.assertEqual(running.get("/v1/models", Authorization="Bearer secret-1")[0], 200)
            self.assertEqual(running.get("/health")[0], 200)

    def test_a_signal_lets_finish_what_runs(self):
        count = 40 if support.SANITIZED else 100
        for number in (signal.SIGTERM, signal.SIGINT):
            running = self.serve("--max-rows", "1", "--threads", "1")
            with running.stream(prompt="ROMEO:", n=8, max_tokens=count, min_tokens=count, seed=1) as response:
                events = server.events_of(response)
                first = next(events)
                running.process.send_signal(number)
                rest = list(events)
            self.assertEqual(rest[-1], "[DONE]")
            reasons = [part["finish_reason"] for event in [first, *rest[:-1]] for part in event["choices"] if part["finish_reason"]]
            self.assertEqual(reasons, ["length"] * 8)
            self.assertEqual(running.wait(), (0, ""))

    def test_nothing_new_begins_after_a_signal_and_a_second_one_ends_it(self):
        running = self.serve(*ONE_ROW)
        with running.stream(**ENDLESS) as response:
            next(server.events_of(response))
            running.process.send_signal(signal.SIGTERM)
            while running.get("/health")[0] == 200:
                pass
            self.assertEqual(running.get("/health"), (503, {"status": "shutting_down"}))
            status, reply = running.post("/v1/completions", {"prompt": "A"})
            self.assertEqual((status, reply["error"]["code"]), (503, "shutting_down"))
            self.assertEqual(running.stop(signal.SIGINT)[0], 128 + signal.SIGINT)

    def test_it_ends_at_once_where_nothing_runs(self):
        running = self.serve()
        running.complete(prompt="A")
        idle, kept = running.connect(), running.connect()
        idle.connect()  # and says nothing
        kept.request("GET", "/health")
        self.assertFalse(kept.getresponse().will_close)
        self.assertEqual(running.stop(), (0, ""))
        idle.close()
        kept.close()


if __name__ == "__main__":
    unittest.main()
