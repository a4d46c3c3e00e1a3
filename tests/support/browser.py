"""Headless Chromium, driven over its own debugging pipe: no port, no extra package."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.peers import program

FLAGS = (
    "--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist", "--disable-background-networking", "--disable-component-update", "--no-first-run",
    "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip


class Page:
    """One page of a browser, spoken to in the DevTools protocol (JSON messages that end with a zero byte)."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        """The two ends of the pipe that are ours."""
        self._to, self._from = to_browser, os.fdopen(from_browser, "rb")
        self._number, self._session = 0, ""
        self.thrown: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Runtime.enable")

    def open(self, url: str) -> None:
        """Go to an address; returns before the page is ready."""
        self._call("Page.navigate", url=url)

    def value(self, script: str) -> Any:
        """What an expression in JavaScript evaluates to, None where it throws."""
        answer = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return answer.get("result", {}).get("value")

    def wait(self, script: str, *, within_s: float, what: str) -> Any:
        """Evaluate until the value is true, and return it; fail with what the page shows."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            if value := self.value(script):
                return value
            time.sleep(0.5)
        raise AssertionError(
            f"{what} did not come within {within_s} s; the page shows: {self.text()[:1500]}\n{self.thrown[-5:]}"
        )

    def settle(self, *, quiet_s: float = 2) -> None:
        """Wait until two screenshots `quiet_s` apart are the same, at most ten times that long."""
        last = ""
        for _ in range(10):
            now = self._call("Page.captureScreenshot", format="png")["data"]
            if now == last:
                return
            last = now
            time.sleep(quiet_s)

    def text(self) -> str:
        """All text on the page."""
        return str(self.value("document.body.innerText"))

    def shot(self, path: Path) -> Path:
        """A screenshot, PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))
        return path

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("method") == "Runtime.exceptionThrown":
                self.thrown.append(json.dumps(answer["params"])[:2000])
            if answer.get("id") == self._number:
                result: dict[str, Any] = answer.get("result", {})
                return result

    def _read(self) -> dict[str, Any]:
        message = bytearray()
        while (byte := self._from.read(1)) != b"\0":
            if not byte:
                raise AssertionError("the browser ended")
            message += byte
        answer: dict[str, Any] = json.loads(message)
        return answer


@contextmanager
def browser(folder: Path, size: tuple[int, int] = (1600, 1000)) -> Iterator[Page]:
    """Start Chromium with a fresh profile in `folder`; (width, height) of the window in pixels."""
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    command = [program("chromium"), *FLAGS, f"--window-size={size[0]},{size[1]}", f"--user-data-dir={folder}"]
    shell = f'exec "$@" 3<&{read_in} 4>&{write_out}'
    with (folder.parent / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command], pass_fds=(read_in, write_out), stdout=log, stderr=log
        )
        os.close(read_in)
        os.close(write_out)
        try:
            yield Page(write_in, read_out)
        finally:
            process.terminate()
            process.wait(20)
