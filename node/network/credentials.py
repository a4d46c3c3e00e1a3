"""Whether the files of `[tls]` can do their work: said in words before the first peer finds out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from node.network.tls import URI_SCHEME, Credentials, answering, in_words

ENDING = timedelta(days=14)
"""So long before a certificate ends it is time to say so."""


def mistakes(credentials: Credentials, ae_title: str) -> list[str]:
    """What must be put right in the files before anybody can be spoken to; one line each, none when all is well."""
    found = [*_certificates("certificate", credentials.certificate), *_key(credentials.key)]
    found += _certificates("ca", credentials.ca)
    return found or [*_together(credentials, ae_title)]


def ends(credentials: Credentials) -> dict[str, datetime]:
    """
    When our certificate ends, and when the last of the authorities does; the files must hold no mistake.

    Returns:
        "certificate" and "ca" to a moment in UTC.
    """
    authorities = [each.not_valid_after_utc for each in _read(credentials.ca)]
    return {"certificate": _read(credentials.certificate)[0].not_valid_after_utc, "ca": max(authorities)}


def _together(credentials: Credentials, ae_title: str) -> Iterator[str]:
    """Mistakes between files that are well each for itself."""
    own = _read(credentials.certificate)[0]
    key = load_pem_private_key(credentials.key.read_bytes(), None)
    shape = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*shape) != own.public_key().public_bytes(*shape):
        yield f"tls.key: {credentials.key} is not the key of the certificate {credentials.certificate}"
        return
    if ae_title not in (titles := _titles(own)):
        named = ", ".join(sorted(titles)) or "nobody"
        yield f"tls.certificate: {credentials.certificate} names {named}, not our AE title {ae_title}"
    try:
        answering(credentials)
    except OSError as error:
        yield f"tls: OpenSSL does not take the certificate, its key or the ca ({in_words(error)})"


def _certificates(name: str, path: Path) -> Iterator[str]:
    try:
        _read(path)
    except OSError as error:
        yield f"tls.{name}: {path} cannot be read ({error.strerror})"
    except ValueError:
        yield f"tls.{name}: {path} holds no certificate in PEM form"


def _key(path: Path) -> Iterator[str]:
    try:
        load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        yield f"tls.key: {path} cannot be read ({error.strerror})"
    except TypeError:
        yield f"tls.key: {path} asks for a password, which a service cannot give; let file permissions protect it"
    except (ValueError, UnsupportedAlgorithm):
        yield f"tls.key: {path} holds no private key in PEM form"


def _read(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def _titles(certificate: x509.Certificate) -> set[str]:
    """The AE titles that it names, as `node.network.tls.titles` reads them on the wire."""
    found = {str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    try:
        also = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return {title.strip() for title in found}
    found.update(also.get_values_for_type(x509.DNSName))
    uris = also.get_values_for_type(x509.UniformResourceIdentifier)
    found.update(unquote(uri.removeprefix(URI_SCHEME)) for uri in uris if uri.startswith(URI_SCHEME))
    return {title.strip() for title in found}
