"""The gateway on a socket, as tests/gateway has it, before offices with faults; and in processes, on real databases."""

import datetime
import ipaddress
import itertools
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests import postgresql
from tests import redis as redis_servers
from tests.gateway.conftest import desk, eventually

__all__ = ["authority", "desk", "eventually"]


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder, clock):
        self._folder, self._now = folder, clock.now()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made for a test")])
        certificate = self._signed(self._name, self._key, 0, x509.BasicConstraints(ca=True, path_length=None))
        self.ca_file = self._written("ca.pem", certificate)

    def _signed(self, name, key, days, *extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now + datetime.timedelta(days=days - 4000))
            .not_valid_after(self._now + datetime.timedelta(days=days + 4000))
        )
        for each in extensions:
            builder = builder.add_extension(each, critical=isinstance(each, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _written(self, name, *parts):
        path = self._folder / name
        path.write_bytes(b"".join(parts))
        return str(path)

    def files(self, name, *, address="127.0.0.1", days=0):
        """Certificate and key of one party; days moves its validity."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        certificate = self._signed(subject, key, days, alternative)
        return self._written(f"{name}.pem", certificate), self._written(f"{name}.key", key.private_bytes(*form))

    def server(self, name, **more):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files(name, **more))
        return context


@pytest.fixture
def authority(tmp_path, clock):
    return Authority(tmp_path, clock)


@pytest.fixture(scope="session")
def redis_url():
    with redis_servers.running() as server:
        yield server.url


_names = itertools.count(1)


@pytest.fixture(scope="session")
def durable():
    """A PostgreSQL that may be killed: what it acknowledged is on the disk."""
    server = postgresql.Server(durable=True)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """An empty database of either kind, as a setting."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'rasad.db'}"
    return new_database(request.getfixturevalue("durable"))


def new_database(server):
    name = f"proof_{next(_names)}"
    postgresql.said(server.url, f"CREATE DATABASE {name}")
    return server.url.removesuffix("postgres") + name


@pytest.fixture
def own_postgresql(durable):
    """(server, setting) of a database on a PostgreSQL that the test may do anything to."""
    yield durable, new_database(durable)
    if not durable.running:
        durable.start()
