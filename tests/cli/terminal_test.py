#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What only happens on a terminal: streaming, the progress line, line editing, Ctrl-C and Ctrl-D."""
import os
import pty
import select
import subprocess
import time
import unittest

import support


class Terminal(support.CommandLineTest):
    def start(self, *arguments, stderr=None):
        """The program on a terminal of its own; its stdin, stdout and, by default, stderr are that terminal."""
        self.terminal, side = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": self.folder}
        self.process = subprocess.Popen([support.PROGRAM, *arguments], stdin=side, stdout=side, stderr=stderr or side, start_new_session=True,
                                        env=environment, preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0))
        os.close(side)
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(self.process.kill)
        self.seen = b""

    def read_until(self, words, seconds=60):
        """Waits until the terminal shows the words, or until the program has left (words None)."""
        deadline = time.monotonic() + seconds
        while words is None or words not in self.seen:
            ready, _, _ = select.select([self.terminal], [], [], 0.2)
            if ready:
                try:
                    chunk = os.read(self.terminal, 65536)
                except OSError:
                    chunk = b""
                if not chunk:
                    break
                self.seen += chunk
            elif words is None and self.process.poll() is not None:
                break
            self.assertLess(time.monotonic(), deadline, self.seen)
        return self.seen

    def type(self, text):
        os.write(self.terminal, text)

    def test_one_sample_is_streamed(self):
        self.start("generate", "--prompt", "ROMEO:", "--seed", "7", "--device", "cpu")
        shown = self.read_until(None).replace(b"\r\n", b"\n").decode()
        self.assertEqual(self.process.wait(timeout=60), 0)
        self.assertEqual(shown, self.generate("--prompt", "ROMEO:", "--seed", "7"))

    def test_a_batch_shows_progress_until_an_interrupt(self):
        path = self.file("in.jsonl", b'{"prompt":"ROMEO:","min_tokens":200,"max_tokens":240}\n' * 20000)
        out = os.path.join(self.folder, "o")
        self.start("generate", "--input", path, "--output-file", out, "--device", "cpu")
        self.read_until(b"tokens/s")
        self.type(b"\x03")
        self.read_until(None)
        self.assertEqual(self.process.wait(timeout=60), 130)

    def test_interactive(self):
        self.start("interactive", "--device", "cpu", "--seed", "7", "--temperature", "0", "--max-tokens", "30")
        self.read_until(b"> ")
        self.type(b"/show\n")
        self.read_until(b"max-tokens = 30")
        self.type(b"/quit\n")
        self.read_until(None)
        self.assertEqual(self.process.wait(timeout=60), 0)

    def test_end_of_input_leaves(self):
        self.start("interactive", "--device", "cpu")
        self.read_until(b"> ")
        self.type(b"\x04")
        self.read_until(None)
        self.assertEqual(self.process.wait(timeout=60), 0)


if __name__ == "__main__":
    unittest.main()
