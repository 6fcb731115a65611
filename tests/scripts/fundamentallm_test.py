#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/fundamentallm on machines of all kinds: a clone of its own, with a cmake that only says what it was asked for."""
import fcntl
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = "sh cat chmod cut dirname env find flock grep mkdir mktemp mv printf readlink rm sed sort tail tee tr".split()
CMAKE = """#!/bin/sh
case "$1" in
  --version) echo "cmake version 3.25.1"; exit 0 ;;
  --preset) echo configured; : >build/release/build.ninja ;;
  --build)
    [ ! -e "$2/../../broken" ] || { echo "error: broken"; exit 1; }
    mkdir -p "$2/bin"
    printf '#!/bin/sh\\necho "$(pwd)|$*"\\n' >"$2/bin/fundamentallm"
    chmod +x "$2/bin/fundamentallm" ;;
esac
echo "$1" >>"$CMAKE_CALLS"
"""
DPKG = """#!/bin/sh
for package; do :; done
[ "$package" = "$ABSENT" ] || echo "install ok installed"
"""
ID = "#!/bin/sh\necho 1000\n"
FAILING_SUDO = "#!/bin/sh\necho \"$*\" >&2\nexit 1\n"


class Launcher(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        self.clone = os.path.join(self.folder, "a clone")
        self.bin = os.path.join(self.folder, "bin")
        self.calls = os.path.join(self.folder, "calls")
        for name in ("scripts", "include", "cuda", "host", "apps", "cmake"):
            os.makedirs(os.path.join(self.clone, name))
        open(os.path.join(self.clone, "CMakeLists.txt"), "w", encoding="utf-8").close()
        for name in ("fundamentallm", "install_dependencies"):
            shutil.copy(os.path.join(ROOT, "scripts", name), os.path.join(self.clone, "scripts"))
        os.mkdir(self.bin)
        for tool in TOOLS:
            if shutil.which(tool):
                os.symlink(shutil.which(tool), os.path.join(self.bin, tool))
        for name, text in (("cmake", CMAKE), ("dpkg-query", DPKG), ("apt-get", "#!/bin/sh\nexit 1\n"), ("id", ID)):
            self.tool(name, text)

    def tool(self, name, text):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def start(self, *arguments, absent="", script=None, **options):
        environment = {"PATH": self.bin, "CMAKE_CALLS": self.calls, "ABSENT": absent}
        return subprocess.Popen([script or os.path.join(self.clone, "scripts", "fundamentallm"), *arguments], cwd=self.folder, env=environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run_script(self, *arguments, **options):
        with self.start(*arguments, **options) as process:
            stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def cmake_calls(self):
        if not os.path.exists(self.calls):
            return []
        with open(self.calls, encoding="utf-8") as file:
            return file.read().split()

    def test_it_builds_once_and_then_starts_at_once(self):
        process = self.run_script("generate", "--prompt", "A B")
        self.assertEqual((process.returncode, process.stdout), (0, self.folder + "|generate --prompt A B\n"), process.stderr)
        self.assertIn("Building fundamentallm", process.stderr)
        process = self.run_script("info")
        self.assertEqual((process.returncode, process.stdout, process.stderr), (0, self.folder + "|info\n", ""))
        self.assertEqual(self.cmake_calls(), ["--preset", "--build"])

    def test_a_link_to_it_works(self):
        link = os.path.join(self.folder, "fl")
        os.symlink(os.path.join("a clone", "scripts", "fundamentallm"), link)
        self.assertEqual(self.run_script("info", script=link).stdout, self.folder + "|info\n")

    def test_a_changed_source_is_built(self):
        self.run_script()
        source = os.path.join(self.clone, "host", "new.cpp")
        open(source, "w", encoding="utf-8").close()
        os.utime(source, (4e9, 4e9))
        self.run_script()
        self.assertEqual(self.cmake_calls(), ["--preset", "--build", "--build"])

    def test_a_failed_build_is_shown_and_tried_again(self):
        broken = os.path.join(self.clone, "broken")
        open(broken, "w", encoding="utf-8").close()
        process = self.run_script()
        self.assertEqual((process.returncode, process.stdout), (1, ""))
        self.assertIn("error: broken\n", process.stderr)
        self.assertIn(os.path.join(self.clone, "build", "release", "build.log"), process.stderr)
        os.remove(broken)
        self.assertEqual(self.run_script().returncode, 0)

    @unittest.skipUnless(shutil.which("flock"), "no flock here: builds are not kept apart")
    def test_a_second_start_waits_for_the_first(self):
        build = os.path.join(self.clone, "build", "release")
        os.makedirs(build)
        with open(os.path.join(build, "lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self.start("info") as process:
                self.assertEqual(process.stderr.readline(), "Waiting for a build that was started elsewhere.\n")
                self.assertEqual(self.cmake_calls(), [])
                fcntl.flock(lock, fcntl.LOCK_UN)
                self.assertEqual(process.communicate(timeout=60)[0], self.folder + "|info\n")

    def test_a_clone_that_cannot_be_written(self):
        ids = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        os.chmod(self.folder, 0o755)
        os.chmod(self.clone, 0o555)
        self.addCleanup(os.chmod, self.clone, 0o755)
        process = self.run_script(**ids)
        self.assertEqual((process.returncode, process.stdout), (1, ""))
        self.assertTrue(process.stderr.startswith(f"fundamentallm: cannot write to build/release in {self.clone}"), process.stderr)

    def test_without_root_and_sudo_it_says_what_to_install(self):
        process = self.run_script(absent="libedit-dev")
        self.assertEqual((process.returncode, process.stdout), (1, ""))
        self.assertEqual(process.stderr, "Missing packages. As root, run:\n  apt-get install libedit-dev\n")
        self.assertEqual(self.cmake_calls(), [])

    def test_a_sudo_that_refuses(self):
        self.tool("sudo", FAILING_SUDO)
        process = self.run_script(absent="libedit-dev")
        self.assertEqual(process.returncode, 1)
        self.assertIn("env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends update\n", process.stderr)
        self.assertIn("\napt-get could not install: libedit-dev\n", process.stderr)

    def test_without_apt_it_says_what_to_install(self):
        os.remove(os.path.join(self.bin, "apt-get"))
        process = self.run_script()
        self.assertEqual((process.returncode, process.stdout), (1, ""))
        for words in ("Fedora:           dnf install ", "gcc-c++", "Arch:             pacman -S ", "Debian, Ubuntu:   apt-get install ", "ninja-build"):
            self.assertIn(words, process.stderr)
        self.assertNotIn("cmake ", process.stderr)  # it is there


if __name__ == "__main__":
    unittest.main()
