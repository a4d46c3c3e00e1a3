"""A FHIR R4 server that is real as far as transactions of conditional creates go: HTTP, validation, all or nothing."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhirclient.models.bundle import Bundle as R4Bundle
from fhirclient.models.fhirabstractbase import FHIRValidationError
from pydantic import ValidationError

Json = dict[str, Any]


class FhirStore:
    """What the server holds, and how it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.resources: dict[str, Json] = {}  #: "Observation/3" to the resource, references resolved
        self.requests: list[tuple[str, dict[str, str], bytes]] = []  #: path, headers, body
        self.before: Callable[[], tuple[int, Json] | None] = lambda: None  #: an answer in place of the server's own
        self.after: Callable[[], tuple[int, Json] | None] = lambda: None  #: the same, but what came has been stored
        self._lock = threading.Lock()

    def of(self, kind: str) -> list[Json]:
        """All resources of a type."""
        return [resource for name, resource in self.resources.items() if name.startswith(f"{kind}/")]

    def post(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        """Answer one request."""
        with self._lock:
            self.requests.append((path, headers, body))
            if answer := self.before():
                return answer
            answer = self._transaction(json.loads(body)) if path == "/fhir" else (404, {})
            return self.after() or answer

    def get(self, path: str, headers: dict[str, str]) -> tuple[int, Json]:
        """Answer what the server can do, and nothing else."""
        self.requests.append((path, headers, b""))
        if answer := self.before():
            return answer
        return (200, {"resourceType": "CapabilityStatement"}) if path == "/fhir/metadata" else (404, {})

    def _transaction(self, bundle: Json) -> tuple[int, Json]:
        try:
            Bundle.model_validate(bundle)
            R4Bundle(bundle)
        except (ValidationError, FHIRValidationError) as error:
            return 422, outcome("structure", str(error))
        assigned: dict[str, str] = {}
        fresh: dict[str, Json] = {}
        statuses = []
        for entry in bundle["entry"]:
            kind, query = entry["request"]["url"], entry["request"]["ifNoneExist"]
            known = self._matches(kind, query)
            if len(known) > 1:
                return 412, outcome("multiple-matches", query)
            name = known[0] if known else f"{kind}/{len(self.resources) + len(fresh) + 1}"
            assigned[entry["fullUrl"]] = name
            statuses.append({"response": {"status": "200 OK" if known else "201 Created", "location": name}})
            if not known:
                fresh[name] = entry["resource"]
        text = json.dumps(fresh)
        for url, name in assigned.items():
            text = text.replace(f'"{url}"', f'"{name}"')
        self.resources |= json.loads(text)
        return 200, {"resourceType": "Bundle", "type": "transaction-response", "entry": statuses}

    def _matches(self, kind: str, query: str) -> list[str]:
        name, _, token = query.partition("=")
        assert name == "identifier"
        system, _, value = token.partition("|")
        wanted = {"system": system, "value": value}
        return [
            key for key, resource in self.resources.items()
            if key.startswith(f"{kind}/") and wanted in resource["identifier"]
        ]  # fmt: skip


def outcome(code: str, text: str) -> Json:
    """An OperationOutcome that quotes what it was sent, as servers do."""
    issue = {"severity": "error", "code": code, "diagnostics": text, "expression": ["Bundle.entry[0].resource"]}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@contextmanager
def fhir_server(tls: ssl.SSLContext | None = None) -> Iterator[FhirStore]:
    """A server on a free port of loopback; its store's `url` is the base URL."""
    store = FhirStore()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(*store.post(self.path, dict(self.headers), body))

        def do_GET(self) -> None:
            self._answer(*store.get(self.path, dict(self.headers)))

        def _answer(self, status: int, answer: Json) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    store.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/fhir"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
