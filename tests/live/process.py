"""A live router as a process in a namespace, driven through its console as a person would."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.interop.lab import Namespace, stop, wait_for

START_TIMEOUT = 20.0  # compiling the pipeline takes a second, on a busy machine some


class LiveProcess:
    """`ipsecplane agent` with its console on pipes. `screen` is all it printed."""

    def __init__(
        self,
        namespace: Namespace,
        config: Path,
        interfaces: dict[str, str],
        *options: str | Path,
        console: bool = True,
    ) -> None:
        maps = [
            word for name, device in interfaces.items() for word in ("--map", f"{name}={device}")
        ]
        self.screen = ""
        self.errors = ""
        self._process = namespace.start(
            *(sys.executable, "-m", "ipsecplane", "agent", config, *maps),
            *(["--console"] if console else []),
            *options,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._threads = [
            threading.Thread(target=self._read, args=(stream, name), daemon=True)
            for stream, name in ((self._process.stdout, "screen"), (self._process.stderr, "errors"))
        ]
        for thread in self._threads:
            thread.start()
        self._prompt = re.compile(r"(?:^|\n)[\w-]+(\([^)\n]*\))?[#>]$")
        self._wait(lambda: re.search(r"^\S+: \S+=", self.errors, re.M), "the router to start")

    def type(self, line: str, timeout: float = 15.0) -> str:
        """Type a line at the prompt; what was printed until the next prompt."""
        self._wait(lambda: self._prompt.search(self.screen), f"a prompt for {line!r}")
        start = len(self.screen)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        echo = f"{line}\n"

        def answered() -> bool:
            at = self.screen.find(echo, start)
            return at >= 0 and self._prompt.search(self.screen, at + len(echo) - 1) is not None

        self._wait(answered, f"an answer to {line!r}", timeout)
        text = self.screen[self.screen.find(echo, start) + len(echo) :]
        return text[: text.rfind("\n") + 1]

    def wait_for_log(self, pattern: str, timeout: float = 10.0, start: int = 0) -> re.Match[str]:
        """Wait for a line on the screen, from position `start`."""
        compiled = re.compile(pattern)
        self._wait(lambda: compiled.search(self.screen, start), f"/{pattern}/", timeout)
        found = compiled.search(self.screen, start)
        assert found is not None
        return found

    def leave(self) -> int:
        """Close standard input, as Ctrl-D does; the exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._ended()

    def signal(self, number: int) -> int:
        """Send a signal; the exit code."""
        self._process.send_signal(number)
        return self._ended()

    def stop(self) -> int:
        return stop(self._process)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def _ended(self) -> int:
        code = self._process.wait(10)
        for thread in self._threads:
            thread.join(5)
        return code

    def _wait(self, condition: object, what: str, timeout: float = START_TIMEOUT) -> None:
        def holds() -> bool:
            if callable(condition) and condition():
                return True
            if not self.running:
                time.sleep(0.1)
                raise AssertionError(f"the router ended, waiting for {what}: {self.errors}")
            return False

        try:
            wait_for(holds, what, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen[-3000:]}\n{self.errors}") from None

    def _read(self, stream: object, name: str) -> None:
        """On a thread: what arrives, as it arrives."""
        while True:
            octet = stream.read(1)  # type: ignore[attr-defined]
            if not octet:
                return
            setattr(self, name, getattr(self, name) + octet)
