#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What only happens on a terminal: streaming, the progress line, line editing, Ctrl-C and Ctrl-D."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
import unittest

import support


class Terminal(support.CommandLineTest):
    def start(self, *arguments, stderr=None):
        """The program on a terminal of its own; its stdin, stdout and, by default, stderr are that terminal."""
        self.terminal, side = pty.openpty()
        self.resize(100)
        environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": self.folder}
        self.process = subprocess.Popen([support.PROGRAM, *arguments], stdin=side, stdout=side, stderr=stderr or side, start_new_session=True,
                                        env=environment, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(side)
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(self.process.kill)
        self.seen = b""

    def resize(self, columns):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

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

    def leave_with(self, text):
        self.type(text)
        self.read_until(None)
        self.assertEqual(self.process.wait(timeout=60), 0)

    def test_one_sample_is_streamed(self):
        self.start("generate", "--prompt", "ROMEO:", "--seed", "7", "--device", "cpu")
        shown = self.read_until(None).replace(b"\r\n", b"\n").decode()
        self.assertEqual(self.process.wait(timeout=60), 0)
        self.assertEqual(shown, self.generate("--prompt", "ROMEO:", "--seed", "7"))

    def test_a_batch_shows_progress_until_an_interrupt(self):
        path = self.file("in.jsonl", b'{"prompt":"ROMEO:","min_tokens":200,"max_tokens":240}\n' * 20000)
        out = os.path.join(self.folder, "o")
        self.start("generate", "--input", path, "--output-file", out, "--device", "cpu")
        self.read_until(b" left  0 requests")  # known before any request has ended
        self.read_until(b"tokens/s")
        self.resize(20)
        self.read_until(b"\x1b[K[" + b"." * 18 + b"\r")  # it never wraps
        self.type(b"\x03")
        self.read_until(None)
        self.assertEqual(self.process.wait(timeout=60), 130)

    def test_interactive(self):
        self.start("interactive", "--device", "cpu", "--seed", "7", "--temperature", "0", "--max-tokens", "30")
        self.read_until(b"> ")
        self.type(b"/show\n")
        self.read_until(b"max-tokens = 30")
        self.leave_with(b"/quit\n")

    def reply(self, prompt, interrupted=False):
        """Everything shown from the typed prompt to the next "> "."""
        self.seen = b""
        self.type(prompt + b"\n")
        if interrupted:
            self.read_until(prompt + b"\r\n\r\n")  # the prompt's echo, and the first character of the text, a newline
            self.type(b"\x03")
        return self.read_until(b"\r\n> ")

    def test_an_interrupt_stops_the_current_text_alone(self):
        self.start("interactive", "--device", "cpu", "--temperature", "0", "--max-tokens", "240", "--min-tokens", "240", "--no-context")
        self.read_until(b"> ")
        whole = self.reply(b"ROMEO:")
        # An interrupt that comes after the end of the text stops nothing; then another one is tried.
        stopped = next((text for text in (self.reply(b"ROMEO:", True) for _ in range(20)) if len(text) < len(whole)), None)
        self.assertIsNotNone(stopped, "no interrupt stopped a text")
        self.assertTrue(whole.startswith(stopped.partition(b"^C")[0]), (whole, stopped))
        self.assertEqual(self.reply(b"ROMEO:"), whole)
        self.leave_with(b"/quit\n")

    def test_an_interrupt_while_typing_drops_the_line(self):
        self.start("interactive", "--device", "cpu")
        self.read_until(b"> ")
        self.type(b"/quit")
        self.read_until(b"/quit")
        self.seen = b""
        self.type(b"\x03")
        self.assertEqual(self.read_until(b"> "), b"^C\r\n> ")
        self.type(b"/show\n")
        self.read_until(b"max-tokens = 200")
        self.leave_with(b"/quit\n")

    def test_an_interrupt_does_not_write_into_the_line(self):
        self.start("interactive", "--device", "cpu")
        self.read_until(b"> ")
        self.type(b"abcdef")
        self.read_until(b"abcdef")
        self.seen = b""
        self.type(b"\x01")
        self.read_until(b"G")  # the end of the jump: the cursor has gone to the start
        self.seen = b""
        self.type(b"\x03")
        shown = self.read_until(b"^C\r\n> ").partition(b"^C")[0]
        self.assertIn(shown, (b"\x1b[9G", b"abcdef"))  # to the end of the line, by a jump or by writing it again
        self.leave_with(b"/quit\n")

    def test_a_resized_window_gets_the_line_again(self):
        self.start("interactive", "--device", "cpu")
        self.read_until(b"> ")
        line = b"a" * 70
        self.type(line + b"b")
        self.read_until(line + b"b")
        self.seen = b""
        self.resize(40)
        self.read_until(b"\x1b[1A\x1b[J> aaa")  # 73 columns end in the second row
        self.leave_with(b"\x15/quit\n")

    def test_a_stopped_session_goes_on(self):
        self.start("interactive", "--device", "cpu")
        self.read_until(b"> ")
        self.type(b"/sho")
        self.read_until(b"/sho")
        self.seen = b""
        mode = termios.tcgetattr(self.terminal)
        mode[3] |= termios.ICANON | termios.ECHO  # as a shell does when the program is stopped
        termios.tcsetattr(self.terminal, termios.TCSANOW, mode)
        self.read_until(b"> /sho")
        self.type(b"w\n")
        self.read_until(b"max-tokens = 200")
        self.leave_with(b"/quit\n")

    def test_history_and_editing(self):
        self.start("interactive", "--device", "cpu", "--temperature", "0", "--max-tokens", "4")
        self.read_until(b"> ")
        self.type(b"/set top-k=7\n")
        self.read_until(b"top-k=7\r\n> ")
        self.type(b"\x1b[A\x7f9\n")  # the line before, its last character replaced
        self.seen = b""
        self.type(b"/show\n")
        self.read_until(b"top-k = 9")
        self.leave_with(b"/quit\n")

    def test_end_of_input_leaves(self):
        self.start("interactive", "--device", "cpu")
        self.read_until(b"> ")
        self.leave_with(b"\x04")


if __name__ == "__main__":
    unittest.main()
