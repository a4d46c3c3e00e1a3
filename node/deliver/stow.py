"""
One result object to one DICOMweb server by STOW-RS, and what its answer means: the only home of dicomweb-client.

Statuses: PS3.18 section 10.5.3, failure and warning reasons: PS3.18 section I.2 and PS3.4 table B.2-1.

| answer                                                              | outcome                    |
|---------------------------------------------------------------------|----------------------------|
| 200 without a failure                                               | stored                     |
| 200 or 202 with a Warning Reason                                    | stored with a warning      |
| no connection, no TLS, no answer in time, 408, 429, 5xx, A7xx, 0213 | again, as long as it takes |
| 409 without a reason, Cxxx, 0110, an answer that is none            | again, three tries in all  |
| other 4xx, a redirection, 0122, 0124, A9xx                          | never                      |

Nothing is negotiated: an object goes out as it lies on disk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from pydantic import SecretStr
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from requests.auth import AuthBase, HTTPBasicAuth

from node.deliver.cstore import PERMANENT, RESOURCE_LIMITATION, TRIES_WHEN_NOT_UNDERSTOOD, WARNINGS, Receipt
from node.errors import DeliveryFailed, InstanceUnreadable

AGAIN = "it will be tried again"
CONFLICT, SERVER_ERROR = 409, 500
RETRY_LATER = frozenset({408, 425, 429})
REMEDIES = {
    400: "report the object to the makers of radnode, or check the URL",
    401: "check `user` and the secret, then retry the delivery",
    403: "let the account store objects, then retry the delivery",
    404: "check the URL (it ends before /studies), then retry the delivery",
    405: "check the URL, and that the server takes STOW-RS, then retry the delivery",
    413: "let the server take larger objects, then retry the delivery",
    415: "let the server take application/dicom, then retry the delivery",
}
SETTINGS = "check the settings of the server and of the destination, then retry the delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """
    A DICOMweb server.

    Attributes:
        name: What the configuration calls it.
        url: Its base, before /studies.
        user: For basic authentication; "" to send the secret as a bearer token, if there is one.
        secret: Password or token; None: none is sent.
        ca: PEM file of the authorities that may have signed its certificate; None: the usual ones.
        timeout_s: For the connection, and for each wait for the server.
    """

    name: str
    url: str
    user: str = ""
    secret: SecretStr | None = field(default=None, repr=False)
    ca: Path | None = None
    timeout_s: float = 30


class _Bearer(AuthBase):
    """A token; as an object of its own it also keeps `requests` from looking elsewhere."""

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return request


def stow(path: Path, server: Server) -> Receipt:
    """
    Send one file and read the answer.

    Raises:
        DeliveryFailed: The server did not take it; `retry` and `tries` say whether it may be tried again.
        InstanceUnreadable: The file is no DICOM file.
    """
    try:
        ds = pydicom.dcmread(path)
    except InvalidDicomError as error:
        raise InstanceUnreadable("no DICOM file", at=path.name, do="write the object again") from error
    seen: list[requests.Response] = []
    with _session(server, seen) as session:
        _exchange(ds, server, session)
    return _receipt(seen, server)


def reachable(server: Server) -> str:
    """Ask the server for one study: "" if it answers and lets us in, else what happened instead, in words."""
    with _session(server, []) as session:
        try:
            answer = session.get(f"{server.url.rstrip('/')}/studies", params={"limit": "1"}, timeout=server.timeout_s)
        except requests.RequestException as error:
            return _unanswered(error, server).found
    refused = answer.status_code in {401, 403} or answer.status_code >= SERVER_ERROR
    return f"answered {answer.status_code}" if refused else ""


def _session(server: Server, seen: list[requests.Response]) -> requests.Session:
    """What counts is in the configuration: no proxies, certificates or passwords from the environment."""
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0  # a POST that is redirected may become a GET
    session.verify = str(server.ca) if server.ca else True
    password = server.secret.get_secret_value() if server.secret else ""
    session.auth = HTTPBasicAuth(server.user.encode(), password.encode()) if server.user else _Bearer(server.secret)
    session.headers["Accept"] = "application/dicom+json"
    session.hooks["response"].append(lambda answer, **_: seen.append(answer))
    return session


def _exchange(ds: Dataset, server: Server, session: requests.Session) -> None:
    """
    One POST; every answer of the server is left to the session's hook.

    Raises:
        DeliveryFailed: No answer came.
    """
    client = DICOMwebClient(url=server.url.rstrip("/"), session=session, timeout=server.timeout_s)
    client.set_http_retry_params(retry=False)
    try:
        client.store_instances([ds])
    except (requests.HTTPError, requests.TooManyRedirects, requests.JSONDecodeError):
        return  # an answer like any other
    except requests.RequestException as error:
        raise _unanswered(error, server) from None  # its text may quote the URL with what is in it
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError):
        return  # a body that the library cannot read; `_said` looks for itself


def _unanswered(error: requests.RequestException, server: Server) -> DeliveryFailed:
    if isinstance(error, requests.exceptions.SSLError):
        do = f"check its certificate and `ca`; {AGAIN}"
        return DeliveryFailed("no TLS connection", at=server.name, do=do, retry=True)
    if isinstance(error, requests.Timeout):
        return DeliveryFailed(f"no answer within {server.timeout_s:g} s", at=server.name, do=AGAIN, retry=True)
    if isinstance(error, requests.ConnectionError):
        do = f"check the URL and the network; {AGAIN}"
        return DeliveryFailed("no connection", at=server.name, do=do, retry=True)
    return DeliveryFailed(f"no answer ({type(error).__name__})", at=server.name, do=AGAIN, retry=True)


def _receipt(seen: list[requests.Response], server: Server) -> Receipt:
    """The answer as a receipt, or as the error that it is."""
    if not seen:
        raise DeliveryFailed("no answer", at=server.name, do=AGAIN, retry=True)
    code, said = seen[-1].status_code, _said(seen[-1])
    if code in {200, 202, 409} and said is not None:
        for item in said.get("FailedSOPSequence") or ():
            raise _refused(int(item.get("FailureReason") or 0), server)
        if code != CONFLICT:
            return _stored(said)
    if code in {200, 202}:
        kind = seen[-1].headers.get("Content-Type", "nothing").partition(";")[0]
        found, do = f"answered {code} with {kind}, which tells nothing", f"check the URL; {AGAIN}"
        raise DeliveryFailed(found, at=server.name, do=do, retry=True, tries=TRIES_WHEN_NOT_UNDERSTOOD)
    raise _status(code, server)


def _stored(said: Dataset) -> Receipt:
    for item in said.get("ReferencedSOPSequence") or ():
        if warning := int(item.get("WarningReason") or 0):
            return Receipt(status=warning, note=WARNINGS.get(warning, f"stored with warning 0x{warning:04X}"))
    return Receipt(status=0)


def _said(answer: requests.Response) -> Dataset | None:
    """The Store Instances Response (PS3.18 annex I); an empty body is one that says no more than the status."""
    if not answer.content.strip():
        return Dataset()
    try:
        body: Any = json.loads(answer.content)
        return Dataset.from_json(body[0] if isinstance(body, list) and body else body)
    except (ValueError, KeyError, TypeError, AttributeError, LookupError):
        return None


def _refused(reason: int, server: Server) -> DeliveryFailed:
    """The server gives a reason of its own for this object."""
    code = f"(0x{reason:04X})"
    if reason & 0xFF00 == 0xA700 or reason == RESOURCE_LIMITATION:
        return DeliveryFailed(f"out of resources {code}", at=server.name, do=AGAIN, retry=True)
    if reason & 0xFF00 == 0xA900 or reason in PERMANENT:
        found = PERMANENT.get(reason, "data set does not match SOP class")
        return DeliveryFailed(f"{found} {code}", at=server.name, do=SETTINGS, retry=False)
    found = f"cannot understand {code}" if reason & 0xF000 == 0xC000 else f"not stored {code}"
    return DeliveryFailed(found, at=server.name, do=AGAIN, retry=True, tries=TRIES_WHEN_NOT_UNDERSTOOD)


def _status(code: int, server: Server) -> DeliveryFailed:
    found = f"answered {code}"
    if code >= SERVER_ERROR or code in RETRY_LATER:
        return DeliveryFailed(found, at=server.name, do=AGAIN, retry=True)
    if code == CONFLICT:
        return DeliveryFailed(found, at=server.name, do=AGAIN, retry=True, tries=TRIES_WHEN_NOT_UNDERSTOOD)
    return DeliveryFailed(found, at=server.name, do=REMEDIES.get(code, SETTINGS), retry=False)
