# SPDX-License-Identifier: Apache-2.0
"""What the command-line tests share: the program under test, run as a real process."""
import json
import os
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["FLLM_PROGRAM"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = os.path.join(ROOT, "apps", "models", "shakespeare", "model.pt")
SMALL_MODEL = os.path.join(ROOT, "apps", "models", "shakespeare", "draft", "model.pt")  # its twin: a tenth of the work
SANITIZED = os.environ.get("FLLM_SANITIZED") == "1"


def run(*arguments, stdin=b"", environment=None):
    """The finished process: returncode, stdout and stderr as bytes."""
    return subprocess.run([PROGRAM, *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          env={**os.environ, **(environment or {})}, check=False)


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as out:
            out.write(content)
        return path

    def ok(self, *arguments, **options):
        """stdout as text of a command that must succeed."""
        process = run(*arguments, **options)
        self.assertEqual(process.returncode, 0, process.stderr.decode())
        return process.stdout.decode()

    def generate(self, *arguments, **options):
        return self.ok("generate", "--device", "cpu", *arguments, **options)

    def sample(self, *arguments):
        """The only record of a JSON run on the prompt ROMEO: with a fixed seed."""
        return json.loads(self.generate("--prompt", "ROMEO:", "--seed", "7", "--format", "jsonl", *arguments))

    def refuses(self, code, words, *arguments, **options):
        """A command that must end with this exit code, a message with all these words, and nothing on stdout."""
        process = run(*arguments, **options)
        message = process.stderr.decode(errors="replace")
        self.assertEqual(process.returncode, code, message)
        for word in words:
            self.assertIn(word, message)
        self.assertEqual(process.stdout, b"")
        return message
