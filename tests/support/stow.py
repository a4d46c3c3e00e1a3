"""A DICOMweb server on loopback that answers STOW-RS as it is told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = "application/dicom+json"


class Web:
    """
    What the server answers, and what it was sent.

    Attributes:
        code: HTTP status; 0: hang up without one.
        body: Bytes of the answer.
        kind: Its Content-Type.
        received: Each object, as it came.
        headers: Of each request.
    """

    def __init__(self) -> None:
        self.code, self.body, self.kind = 200, b"", JSON
        self.talks = threading.Event()  #: requests are not answered while it is clear
        self.talks.set()
        self.received: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.port, self.scheme = 0, "http"

    def says(self, code: int, *, failure: int | None = None, warning: int | None = None) -> None:
        """Answer with a Store Instances Response (PS3.18 annex I) for one object."""
        item: dict[str, Any] = {"00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]}}
        if failure is not None:
            item["00081197"] = {"vr": "US", "Value": [failure]}
        if warning is not None:
            item["00081196"] = {"vr": "US", "Value": [warning]}
        sequence = "00081199" if failure is None else "00081198"
        self.code, self.kind = code, JSON
        self.body = json.dumps({sequence: {"vr": "SQ", "Value": [item]}}).encode()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.port}/dicom-web"


class _Handler(BaseHTTPRequestHandler):
    """Writes down what comes and answers as it is told."""

    says: Web

    def do_POST(self) -> None:
        body = self._body()
        self.says.paths.append(self.path)
        self.says.headers.append(dict(self.headers))
        self.says.received += _parts(self.headers["Content-Type"], body)
        self.says.talks.wait()
        self._answer()

    def do_GET(self) -> None:
        self.says.paths.append(self.path)
        self.says.headers.append(dict(self.headers))
        self._answer()

    def _answer(self) -> None:
        if not self.says.code:
            self.close_connection = True
            return
        self.send_response(self.says.code)
        self.send_header("Content-Type", self.says.kind)
        self.send_header("Content-Length", str(len(self.says.body)))
        if 300 <= self.says.code < 400:
            self.send_header("Location", self.says.url + "/elsewhere")
        self.end_headers()
        self.wfile.write(self.says.body)

    def _body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def web(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """A running server."""
    says = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"says": says}))
    server.daemon_threads = True
    if tls is not None:
        server.socket, says.scheme = tls.wrap_socket(server.socket, server_side=True), "https"
    says.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield says
    finally:
        says.talks.set()
        server.shutdown()
        server.server_close()


def _parts(content_type: str, body: bytes) -> list[bytes]:
    """The parts of a multipart/related message, byte for byte."""
    boundary = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode()).get_boundary()
    assert boundary is not None
    return [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in body.split(f"--{boundary}".encode())[1:-1]]
