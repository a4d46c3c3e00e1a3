"""
One result to one FHIR R4 server, as a transaction by POST, and what its answer means.

The bundle lies on disk as it is sent; every entry in it is a conditional create, so that sending it again after an
answer that got lost makes nothing twice (http://hl7.org/fhir/R4/http.html#transaction).

| answer                                                      | outcome                   |
|-------------------------------------------------------------|---------------------------|
| 200 or 201 whose entries are 2xx                            | stored                    |
| no connection, no TLS, no answer, 401, 403, 408, 425, 429,  | again, as long as it      |
| 502, 503, 504, no token                      | takes                     |
| 409 and 500, 2xx with an entry that is not, no HTTP         | again, twelve in all      |
| 3xx, other 4xx (400 and 422: not valid there; 412: it holds | never                     |
| one twice already), 501, 505                                |                           |

Of an OperationOutcome only codes and places are told: its texts may quote the patient.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from node.deliver.cstore import Receipt
from node.errors import DeliveryFailed

AGAIN = frozenset({401, 403, 408, 425, 429, 502, 503, 504})
SOMETIMES = frozenset({409, 500})
TRIES_WHEN_NOT_UNDERSTOOD = 12  # with the outbox's pauses more than an hour: a server that restarts answers 500, too
LONGEST_ANSWER = 8 << 20
MEDIA_TYPE = "application/fhir+json; fhirVersion=4.0"

_CODE = re.compile(r"[a-z-]{1,40}")
_PLACE = re.compile(r"[A-Za-z0-9.\[\]]{1,120}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirServer:
    """
    Sends bundles to one server; takes the place of `deliver` in an outbox.

    Attributes:
        name: What the configuration calls it.
        url: Its base URL, http or https.
        secret_file: Holds a bearer token; read anew for each bundle, so that it can be renewed in place.
        ca: Authorities for its certificate, in place of those of the system.
        timeout_s: For the connection and for each wait on the answer.
    """

    name: str
    url: str
    secret_file: Path | None = None
    ca: Path | None = None
    timeout_s: float = 60

    def __call__(self, path: Path) -> Receipt:
        """
        Send one bundle and read the answer.

        Args:
            path: The bundle, sent byte for byte.

        Raises:
            DeliveryFailed: The server did not take it; `retry` and `tries` say whether it may be tried again.
        """
        content = path.read_bytes()
        status, body = self._exchange("POST", urlsplit(self.url).path or "/", content)
        return _receipt(status, _parsed(body), self.name)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE, "User-Agent": "radnode"}
        if self.secret_file is None:
            return headers
        try:
            token = self.secret_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            found, do = "the file with the token cannot be read", "put it right; it will be tried again"
            raise DeliveryFailed(found, at=self.name, do=do, retry=True) from error
        if not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", token):  # RFC 6750 section 2.1
            found, do = "the file with the token holds none", "put it right; it will be tried again"
            raise DeliveryFailed(found, at=self.name, do=do, retry=True)
        return {**headers, "Authorization": f"Bearer {token}"}

    def reachable(self) -> str:
        """Ask the server what it can do (`metadata`): "" if it answers and lets us in, else what happened instead."""
        try:
            status, _ = self._exchange("GET", f"{urlsplit(self.url).path.rstrip('/')}/metadata")
        except DeliveryFailed as error:
            return str(error.found)
        return "" if 200 <= status < 300 else f"answered {status}"

    def _exchange(self, method: str, path: str, content: bytes | None = None) -> tuple[int, bytes]:
        """
        One request: status and body of the answer.

        Raises:
            DeliveryFailed: There is no token, or no answer came, or one that is no HTTP.
        """
        headers = self._headers()
        try:
            return self._answer(method, path, content, headers)
        except ssl.SSLCertVerificationError as error:
            found = f"its certificate is not trusted: {error.verify_message}"
            raise _away(found, self.name, "check the certificates; it will be tried again") from error
        except OSError as error:
            raise _away(
                f"no answer ({_why(error)})", self.name, "check URL and network; it will be tried again"
            ) from error
        except HTTPException as error:
            raise _odd(f"the answer is no HTTP ({type(error).__name__})", self.name) from error

    def _answer(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        where = urlsplit(self.url)
        connection = self._connection(where.scheme, where.hostname or "", where.port)
        try:
            connection.request(method, path, content, headers)
            answer: HTTPResponse = connection.getresponse()
            return answer.status, answer.read(LONGEST_ANSWER)
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> HTTPConnection:
        if scheme == "http":
            return HTTPConnection(host, port, timeout=self.timeout_s)
        context = ssl.create_default_context(cafile=self.ca)
        return HTTPSConnection(host, port, timeout=self.timeout_s, context=context)


def _receipt(status: int, body: dict[str, Any], at: str) -> Receipt:
    """The answer as a receipt, or as the error that it is."""
    said = f"answered {status}{_issues(body)}"
    if status in {200, 201}:
        if odd := [each for each in _entries(body) if not each.startswith("2")]:
            raise _odd(f"{said} with {len(odd)} entries that it did not take ({odd[0][:3]})", at)
        return Receipt(status=0)
    if status in AGAIN:
        do = "check the token; it will be tried again" if status in {401, 403} else "it will be tried again"
        raise _away(said, at, do)
    if status in SOMETIMES or 200 <= status < 300:
        raise _odd(said, at)
    do = "correct the URL or the server's settings, then retry the delivery"
    raise DeliveryFailed(said, at=at, do=do, retry=False)


def _parsed(body: bytes) -> dict[str, Any]:
    """The resource in an answer; empty where there is none, which a server may do when asked for nothing."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _entries(body: dict[str, Any]) -> Iterator[str]:
    """Statuses of the entries of a transaction-response."""
    for entry in _items(body, "entry"):
        response = entry.get("response")
        if isinstance(response, dict):
            yield str(response.get("status", ""))


def _issues(body: dict[str, Any]) -> str:
    """Codes and places of an OperationOutcome, as far as they are of a form that holds no text."""
    found = []
    for issue in _items(body, "issue"):
        code = str(issue.get("code", ""))
        places = issue.get("expression")
        place = str(places[0]) if isinstance(places, list) and places else ""
        if _CODE.fullmatch(code):
            found.append(f"{code} at {place}" if _PLACE.fullmatch(place) else code)
    return f": {', '.join(found[:5])}" if found else ""


def _items(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = body.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "too slow"
    return error.strerror or (error.reason if isinstance(error, ssl.SSLError) else "") or type(error).__name__


def _away(found: str, at: str, do: str) -> DeliveryFailed:
    return DeliveryFailed(found, at=at, do=do, retry=True)


def _odd(found: str, at: str) -> DeliveryFailed:
    do = "it will be tried again"
    return DeliveryFailed(found, at=at, do=do, retry=True, tries=TRIES_WHEN_NOT_UNDERSTOOD)
