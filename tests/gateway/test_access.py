"""Who may call a channel: every kind of authentication, alone and behind a proxy, and what must not pass (A2)."""

import base64
import datetime
import hashlib
import hmac
import shutil
import ssl
from collections import Counter
from dataclasses import replace
from ipaddress import ip_address, ip_network
from urllib.parse import quote

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway import server
from gateway.channels import access
from gateway.channels.access import Knock
from gateway.channels.contract import Refusal
from gateway.settings import TlsSettings
from gateway.settings_channels import Auth
from gateway.signed import sign
from simulators.demo import HOME, address

NOW = 1_795_338_000
SECRET, OLD, OTHER = "nobodyKnowsThisSecretYet", "o" * 24, "x" * 24
BODY = b'{"type": "begin"}'
TARGET = "/ussd/json?a=1"
DER = b"\x30\x20" + bytes(range(32))
FINGERPRINT = hashlib.sha256(DER).hexdigest()


def knock(*headers, **more):
    given = {"source": ip_address("203.0.113.7"), "local": False, "method": "POST", "target": TARGET, **more}
    return Knock(headers=[(name.lower(), value) for name, value in headers], **given)


def signature(secret=SECRET, stamp=NOW, method="POST", target=TARGET, body=BODY):
    return sign(secret, str(stamp), f"{method} {target}\n".encode() + body).decode()


def signed(stamp=NOW, value=None, **more):
    return [(access.STAMP, str(stamp)), (access.SIGNATURE, value or signature(stamp=stamp, **more))]


def passes(auth, of, tail="", body=BODY, now=NOW):
    """What the shell does with a request, one refusal or none."""
    try:
        access.admitted(auth, of, tail)
        access.fresh(auth, of, now)
        access.signed(auth, of, body)
    except Refusal as refusal:
        return refused(refusal)
    return True


def refused(refusal):
    assert refusal.status in (401, 403)
    assert SECRET not in refusal.line
    return False


def basic(username, password, scheme="Basic"):
    return "Authorization", f"{scheme} {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


BEARER = "Authorization", f"Bearer {SECRET}"
KINDS = {
    "secret_path": (Auth(secret_path=[SECRET, OLD]), knock(), SECRET),
    "hmac": (Auth(hmac=[SECRET, OLD]), knock(*signed()), ""),
    "basic": (Auth(basic={"username": "inoti", "password": SECRET}), knock(basic("inoti", SECRET)), ""),
    "bearer": (Auth(bearer=[SECRET, OLD]), knock(BEARER), ""),
    "certificate": (Auth(certificate=FINGERPRINT), knock(certificate=DER), ""),
    "source": (Auth(source="203.0.113.0/24"), knock(), ""),
    "none": (Auth(none=True), knock(local=True), ""),
    "two of them": (Auth(bearer=SECRET, source=["203.0.113.7/32"]), knock(BEARER), ""),
}


@pytest.mark.parametrize(("auth", "good", "tail"), KINDS.values(), ids=KINDS)
def test_who_has_what_is_asked_for_passes(auth, good, tail):
    assert passes(auth, good, tail)


@pytest.mark.parametrize("auth", [each[0] for each in KINDS.values()], ids=KINDS)
def test_who_has_nothing_does_not(auth):
    assert not passes(auth, knock(source=ip_address("198.51.100.1")))


@pytest.mark.parametrize("kind", ["secret_path", "hmac", "bearer"])
def test_the_old_secret_passes_until_it_is_taken_out(kind):
    before, after = Auth(**{kind: [SECRET, OLD]}), Auth(**{kind: [SECRET]})
    of, tail = {
        "secret_path": (knock(), OLD),
        "hmac": (knock(*signed(secret=OLD)), ""),
        "bearer": (knock(("Authorization", f"Bearer {OLD}")), ""),
    }[kind]

    assert (True, False) == (passes(before, of, tail), passes(after, of, tail))


def forgeries():
    """(kind, request, tail, body): C11, each wrong in one way."""
    good = signature()
    for value in ("", " ", good[:-1], good + "0", good.upper(), good[::-1], f" {good[1:]}", "0" * 64,
                  hashlib.sha256(BODY).hexdigest(), hashlib.sha512(BODY).hexdigest(), "\u0660" * 64):  # fmt: skip
        yield "hmac", knock((access.STAMP, str(NOW)), (access.SIGNATURE, value)), "", BODY
    for more in ({"secret": OTHER}, {"secret": ""}, {"method": "GET"}, {"target": "/ussd/inoti?a=1"},
                 {"target": "/ussd/json"}, {"target": "/ussd/json?a=2"}, {"body": b""}):  # fmt: skip
        yield "hmac", knock(*signed(**more)), "", BODY
    for stamp in (NOW - 301, NOW + 301, 0, -NOW, NOW * 1000, "", "now", f"{NOW}.0", f"+{NOW}", "\u0661" * 10, "1" * 13):
        yield "hmac", knock(*signed(stamp=stamp)), "", BODY
    for body in (
        b'{"type":"begin"}',
        BODY + b" ",
        BODY + b"\n",
        BODY[:-1],
        b"",
        b'{"type": "\\u0062egin"}',
        BODY.upper(),
    ):
        yield "hmac", knock(*signed()), "", body
    yield "hmac", knock((access.SIGNATURE, good)), "", BODY
    yield "hmac", knock((access.STAMP, str(NOW))), "", BODY
    yield "hmac", knock(*signed(), (access.SIGNATURE, good)), "", BODY
    yield "hmac", knock(*signed(), (access.STAMP, str(NOW))), "", BODY
    yield "hmac", knock(("X-Signature", good), (access.STAMP, str(NOW))), "", BODY
    for value in ("", "Bearer", "Bearer ", SECRET, f"Basic {SECRET}", f"Bearer {SECRET[:-1]}", f"Bearer {SECRET}x",
                  f"Bearer {SECRET.upper()}", f"Bearer {OTHER}", f"Bearer {SECRET} {SECRET}", f"Token {SECRET}",
                  f"Bearer \u200b{SECRET}", f"Bearer {SECRET}=", "Bearer null"):  # fmt: skip
        yield "bearer", knock(("Authorization", value)), "", BODY
        yield "two of them", knock(("Authorization", value)), "", BODY
    yield "bearer", knock(BEARER, BEARER), "", BODY
    for header in ("Proxy-Authorization", "X-Authorization", "Cookie"):
        yield "bearer", knock((header, f"Bearer {SECRET}")), "", BODY
    for name, password in (("inoti", ""), ("", SECRET), ("INOTI", SECRET), ("inoti", SECRET.upper()), ("inoti", OTHER),
                           ("inoti", f"{SECRET}:"), ("inoti:", SECRET), ("inoti ", SECRET), ("json", SECRET)):  # fmt: skip
        yield "basic", knock(basic(name, password)), "", BODY
    for value in (f"Basic inoti:{SECRET}", "Basic", "Basic ====", f"Bearer {basic('inoti', SECRET)[1][6:]}"):
        yield "basic", knock(("Authorization", value)), "", BODY
    yield "basic", knock(basic("inoti", SECRET), basic("inoti", SECRET)), "", BODY
    for tail in ("", SECRET[:-1], f"{SECRET}x", SECRET.upper(), OTHER, f"/{SECRET}", f"x/{SECRET}", f"{SECRET} ", f"{SECRET}%00",
                 f"%6e{SECRET[1:]}", f"{SECRET}\0", f"{OLD[:-1]}", f"{SECRET}{OLD}", "*", "..", f"./{SECRET}"):  # fmt: skip
        yield "secret_path", knock(), tail, BODY
    for der in (b"", DER[:-1], DER + b"\0", FINGERPRINT.encode(), bytes.fromhex(FINGERPRINT)):
        yield "certificate", knock(certificate=der or None), "", BODY
    yield "certificate", knock((access.CLIENT_CERT, f":{base64.b64encode(DER).decode()}:")), "", BODY
    for source in ("203.0.114.7", "198.51.100.7", "127.0.0.1", "::1", "2001:db8::7", "::"):
        yield "source", knock(source=ip_address(source)), "", BODY
        yield "two of them", knock(BEARER, source=ip_address(source)), "", BODY
    yield "source", knock(source=None), "", BODY
    yield "source", knock(("X-Forwarded-For", "203.0.113.7"), source=ip_address("198.51.100.7")), "", BODY
    yield "none", knock(local=False), "", BODY


FORGERIES = [*forgeries()]

# --- the same by classes, eight of each -----------------------------------------------------------------------------

FORMER = [letter * 24 for letter in "abcdefgh"]
HASHES = ("md5", "sha1", "sha224", "sha384", "sha512", "sha3_256", "blake2b", "blake2s")
ODD = (".", "x", "=", "0", "\0", "\u200b", ",", "%20")


def spoiled(secret, former=FORMER):
    """A secret wrong in one way: 12 classes."""
    octets, letters = secret.encode(), [place for place, char in enumerate(secret) if char.isalpha()][:8]
    return {
        "empty": ["", " ", "\t", "  ", "\0", "\u200b", "null", "None"],
        "case": [secret[:at] + secret[at].swapcase() + secret[at + 1 :] for at in letters],
        "cut": [secret[:-each] for each in range(1, 9)],
        "begun later": [secret[each:] for each in range(1, 9)],
        "padded": [secret + each for each in ODD],
        "padded before": [each + secret for each in ODD],
        "one character": [secret[: 2 * at] + "~" + secret[2 * at + 1 :] for at in range(8)],
        "zero width": [secret[:at] + "\u200c" + secret[at:] for at in range(1, 9)],
        "twice": [secret + each + secret for each in ("", ",", ";", " ", ":", "|", "&", "-")],
        "hashed": [hashlib.new(each, octets).hexdigest() for each in HASHES],
        "encoded": [
            *(each(octets).decode() for each in (base64.b64encode, base64.b32encode, base64.b85encode, base64.b16encode)),
            "".join(f"%{each:02x}" for each in octets), f'"{secret}"', f"'{secret}'", f"<{secret}>",
        ],
        "former": former,
    }  # fmt: skip


HEADERS = (
    "Proxy-Authorization",
    "X-Authorization",
    "Cookie",
    "X-Api-Key",
    "Token",
    "Authorisation",
    "WWW-Authenticate",
    "X-Signature",
)


def of_a_header(name, value, scheme):
    """What else may be wrong where a secret stands in a header."""
    schemes = (
        "",
        "Token",
        "Digest",
        "Negotiate",
        "Basi",
        "Bearerr",
        "Bearer,",
        "Basic" if scheme == "Bearer" else "Bearer",
    )
    good, bad = (name, f"{scheme} {value}"), (name, f"{scheme} {OTHER}")
    return {
        "other scheme": [knock((name, f"{each} {value}".strip())) for each in schemes],
        "elsewhere": [knock((each, f"{scheme} {value}")) for each in HEADERS],
        "double": [
            knock(*each)
            for each in ((good, good), (good, bad), (bad, good), (good, (name, "")), ((name, ""), good), (good,) * 3,
                         ((name.upper(), good[1]), good), (good, bad, good))
        ],
    }  # fmt: skip


def in_a_path(secret):
    paths = (f"x/{secret}", f"/{secret}", f"./{secret}", f"../{secret}", f"json/{secret}", f"ussd/{secret}", f"%2f{secret}",
             f"{secret[:12]}/{secret[12:]}")  # fmt: skip
    patterns = ("*", "..", "%", f"{secret[:-1]}*", f"{secret[:-1]}?", f"{secret};v=1", f"{secret}#", f"key={secret}")
    return {
        "deeper": [(knock(), tail) for tail in paths],
        "pattern": [(knock(), tail) for tail in patterns],
        "elsewhere": [(knock((each, secret)), "") for each in HEADERS],
    }


def of_a_signature():
    """(request, body) for what is signed, and not the signature alone."""
    paths = ("/ussd/inoti?a=1", "/ussd/json", "/ussd/json?a=2", "/ussd/json?a=1&b=1", "/USSD/json?a=1", "//ussd/json?a=1",
             "/ussd/json/?a=1", "/ussd/json?%61=1")  # fmt: skip
    bodies = (b'{"type":"begin"}', b'{ "type": "begin"}', b'{"type": "begin" }', b'{"Type": "begin"}', b'["type", "begin"]',
              b'{"begin": "type"}', b'{"type": "begin", "type": "begin"}', b"")  # fmt: skip
    codings = (*(BODY.decode().encode(each) for each in ("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "utf-16-be")),
               BODY + b"\n", BODY + b"\r\n", b'{"type": "\\u0062egin"}')  # fmt: skip
    stamps = (NOW - 301, NOW + 301, NOW - 302, NOW + 86_400, NOW - 86_400, 0, NOW * 1000, NOW // 10)
    octets = f"{NOW}.POST {TARGET}\n".encode() + BODY
    stamp, mark = signed()
    return {
        "other url": [(knock(*signed(target=each)), BODY) for each in paths],
        "other method": [(knock(*signed(method=each)), BODY) for each in ("GET", "PUT", "PATCH", "post", "", "HEAD", "POST ", "POS")],
        "body rearranged": [(knock(*signed()), each) for each in bodies],
        "body encoded": [(knock(*signed()), each) for each in codings],
        "stale": [(knock(*signed(stamp=each)), BODY) for each in stamps],
        "stamp exchanged": [(knock((stamp[0], str(NOW + each)), mark), BODY) for each in (-300, -60, -2, -1, 1, 2, 60, 300)],
        "elsewhere": [(knock(stamp, (each, mark[1])), BODY) for each in HEADERS],
        "double": [
            (knock(*each), BODY)
            for each in ((stamp, mark, mark), (stamp, stamp, mark), (mark,), (stamp,), (stamp, mark, (mark[0], "")),
                         (stamp, (stamp[0], ""), mark), (stamp, mark, (mark[0].upper(), OTHER)), (stamp, stamp, mark, mark))
        ],
        "other hash": [
            (knock(stamp, (mark[0], hmac.new(SECRET.encode(), octets, each).hexdigest())), BODY) for each in HASHES
        ],
    }  # fmt: skip


def of_a_certificate():
    return {
        "cut": [DER[:-each] for each in range(1, 9)],
        "begun later": [DER[each:] for each in range(1, 9)],
        "padded": [DER + bytes([each]) for each in range(8)],
        "padded before": [bytes([each]) + DER for each in range(8)],
        "one bit": [DER[:at] + bytes([DER[at] ^ 1]) + DER[at + 1 :] for at in range(8)],
        "its fingerprint": [hashlib.new(each, DER).digest() for each in HASHES],
    }


OUTSIDE = {
    "neighbours": ["203.0.112.255", "203.0.114.0", "203.1.113.7", "202.0.113.7", "204.0.113.7", "203.0.115.7", "203.0.13.7", "203.0.112.7"],
    "our own": ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.1", "255.255.255.255", "100.64.0.1"],
    "version 6": ["::1", "::", "2001:db8::7", "::203.0.113.7", "64:ff9b::cb00:7107", "2002:cb00:7107::", "fe80::1", "ff02::1"],
}  # fmt: skip
SAYING = (
    "X-Forwarded-For",
    "Forwarded",
    "X-Real-IP",
    "Via",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Client-IP",
    "X-Originating-IP",
)


def by_class():
    """Kind, class, and its eight (request, tail, body)."""
    for name, values in spoiled(SECRET).items():
        yield "bearer", name, [(knock(("Authorization", f"Bearer {each}")), "", BODY) for each in values]
        yield "basic", name, [(knock(basic("inoti", each)), "", BODY) for each in values]
        yield "secret_path", name, [(knock(), each, BODY) for each in values]
    users = ("", "INOTI", "inoti ", " inoti", "inot", "inotii", "json", "inoti:")
    yield "basic", "other user", [(knock(basic(each, SECRET)), "", BODY) for each in users]
    for name, requests in of_a_header("Authorization", SECRET, "Bearer").items():
        yield "bearer", name, [(each, "", BODY) for each in requests]
    for name, requests in of_a_header("Authorization", basic("inoti", SECRET)[1][6:], "Basic").items():
        yield "basic", name, [(each, "", BODY) for each in requests]
    for name, pairs in in_a_path(SECRET).items():
        yield "secret_path", name, [(request, tail, BODY) for request, tail in pairs]
    for name, values in spoiled(signature(), [signature(secret=each) for each in FORMER]).items():
        yield "hmac", name, [(knock(signed()[0], (access.SIGNATURE, each)), "", BODY) for each in values]
    for name, pairs in of_a_signature().items():
        yield "hmac", name, [(request, "", body) for request, body in pairs]
    for name, ders in of_a_certificate().items():
        yield "certificate", name, [(knock(certificate=each), "", BODY) for each in ders]
    shown = f":{base64.b64encode(DER).decode()}:"
    names = (
        access.CLIENT_CERT,
        "X-Client-Cert",
        "X-SSL-Cert",
        "SSL-Client-Cert",
        "X-Forwarded-Client-Cert",
        *HEADERS[:3],
    )
    yield "certificate", "in a header", [(knock((each, shown)), "", BODY) for each in names]
    for name, addresses in OUTSIDE.items():
        yield "source", name, [(knock(source=ip_address(each)), "", BODY) for each in addresses]
    elsewhere = ip_address("198.51.100.7")
    yield "source", "in a header", [(knock((each, "203.0.113.7"), source=elsewhere), "", BODY) for each in SAYING]
    yield "none", "in a header", [(knock((each, "127.0.0.1")), "", BODY) for each in SAYING]


@pytest.mark.experiment("A2", "no callback wrong in any of the classes is accepted, and the valid one after each is")
def test_no_class_of_forgeries_passes(figure):
    only = {kind: Auth(**{kind: [SECRET]}) for kind in ("bearer", "secret_path", "hmac")}
    kinds = Counter()
    for kind, name, cases in by_class():
        assert 8 == len(cases), (kind, name)
        for of, tail, body in cases:
            auth, good, own = KINDS[kind]
            assert not passes(only.get(kind, auth), of, tail, body), (kind, name, of, tail)
            assert passes(only.get(kind, auth), good, own)
            figure.count("runs")
        kinds[kind] += len(cases)
    for kind, cases in kinds.items():
        figure(f"{kind}:", cases)
    assert {
        "hmac": 168,
        "basic": 128,
        "bearer": 120,
        "secret_path": 120,
        "certificate": 56,
        "source": 32,
        "none": 8,
    } == kinds


@pytest.mark.experiment("A2", "no forged callback is accepted, and the valid one after each is")
def test_no_forgery_passes_and_the_good_one_still_does(figure):
    """All of them each time: there are no more. Each kind also gets what is right for every other kind."""
    for kind, of, tail, body in FORGERIES:
        auth, good, own = KINDS[kind]
        assert not passes(auth, of, tail, body), (kind, of, tail, body)
        assert passes(auth, good, own)
        figure.count("runs")
    for kind, (auth, _, _) in KINDS.items():
        for other, (_, good, tail) in KINDS.items():
            # A request from the right place passes `source`, whatever else it brings; so each comes from another.
            elsewhere = replace(good, source=ip_address("198.51.100.1"))
            if other != kind and (kind, other) != ("bearer", "two of them"):
                assert not passes(auth, elsewhere, tail), (kind, other)
                figure.count("runs")
    assert len(FORGERIES) >= 120


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.5", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.5", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.5", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.5", ["203.0.113.7, 10.0.0.6"], "203.0.113.7"),
        ("::ffff:10.0.0.5", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("10.0.0.5", ["203.0.113.7, unknown"], None),
        ("10.0.0.5", ["203.0.113.7:4711"], None),
        ("10.0.0.5", ["10.0.0.6"], None),
        ("10.0.0.5", [], None),
        ("", [], None),
    ],
)
def test_where_a_request_comes_from(peer, said, expected):
    """The last address that none of our proxies has; whatever stands before it was written by whoever asked."""
    found = access.source_of(peer, said, [ip_network("10.0.0.0/24")])

    assert expected == (str(found) if found else None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f":{base64.b64encode(DER).decode()}:", DER),
        (quote(f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(DER).decode()}\n-----END CERTIFICATE-----\n"), DER),
        ("", None),
        ("::", b""),
        (":no base64:", None),
        (":\u0661:", None),
        ("-----BEGIN CERTIFICATE-----", None),
    ],
)
def test_the_certificate_a_proxy_gives_on(value, expected):
    assert expected == access.forwarded_certificate(value)


# --- over the wire --------------------------------------------------------------------------------------------------


def configured(tmp_path, auth, gateway=""):
    config = shutil.copytree(HOME / "config", tmp_path / "config")
    file = config / "channels/json.yaml"
    lines = [f"auth: {auth}" if line.startswith("auth:") else line for line in file.read_text("utf-8").split("\n")]
    file.write_text("\n".join(lines), "utf-8")
    (config / "gateway.yaml").write_text((config / "gateway.yaml").read_text("utf-8") + gateway, "utf-8")
    return config


BEGIN = b'{"type": "begin", "session": "s1", "msisdn": "+989161234567", "code": "*4*061#"}'
JSON = {"Content-Type": "application/json"}


async def test_a_signed_request_is_served_and_the_same_with_another_body_is_not(desk, tmp_path, clock):
    config = configured(tmp_path, '{hmac: "${KEY}"}')
    async with desk(config=config, environ={"KEY": SECRET}) as d:
        stamp = int(clock.now().timestamp())
        headers = {**JSON, **dict(signed(stamp, target="/ussd/json", body=BEGIN))}
        async with d.http.post(f"{d.url}/ussd/json", data=BEGIN, headers=headers) as response:
            assert 200 == response.status
        async with d.http.post(f"{d.url}/ussd/json", data=BEGIN + b" ", headers=headers) as response:
            assert (401, f"{access.SIGNATURE} is not that of this request\n") == (
                response.status,
                await response.text(),
            )
        clock.advance(301)
        async with d.http.post(f"{d.url}/ussd/json", data=BEGIN, headers=headers) as response:
            assert 401 == response.status


async def test_where_a_request_comes_from_is_a_named_proxys_to_say(desk, tmp_path):
    config = configured(tmp_path, '{source: "203.0.113.0/24"}', "proxies: [127.0.0.1]\n")
    async with desk(config=config) as d:
        for said, status in (("203.0.113.7", 200), ("198.51.100.1", 403), ("203.0.113.7, 198.51.100.1", 403)):
            headers = {**JSON, "X-Forwarded-For": said}
            async with d.http.post(f"{d.url}/ussd/json", data=BEGIN, headers=headers) as response:
                assert status == response.status, said
        async with d.http.post(f"{d.url}/ussd/json", data=BEGIN, headers=JSON) as response:
            assert 403 == response.status


async def test_without_a_named_proxy_the_header_means_nothing(desk, tmp_path):
    config = configured(tmp_path, '{source: "203.0.113.0/24"}')
    async with desk(config=config) as d:
        headers = {**JSON, "X-Forwarded-For": "203.0.113.7"}
        async with d.http.post(f"{d.url}/ussd/json", data=BEGIN, headers=headers) as response:
            assert 403 == response.status


def certificate(tmp_path, name):
    """A self-signed certificate with its key: files, and the DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(pem), str(private), made.public_bytes(serialization.Encoding.DER)


async def test_a_client_certificate_over_tls_that_ends_here(desk, tmp_path):
    ours, hers, strangers = (certificate(tmp_path, name) for name in ("gateway", "peer", "stranger"))
    known = tmp_path / "known.pem"
    known.write_bytes(b"".join((tmp_path / f"{name}.pem").read_bytes() for name in ("peer", "stranger")))
    pairs = ":".join(f"{octet:02X}" for octet in hashlib.sha256(hers[2]).digest())
    config = configured(tmp_path, f'{{certificate: "{pairs}"}}')
    async with desk(config=config) as d:
        context = server.tls(TlsSettings(certificate=ours[0], key=ours[1], clients_ca=str(known)))
        on = server.listening("127.0.0.1", 0)
        with on:
            async with server.serving(d.application, on, 0.1, context):
                url = f"{address(on)}/ussd/json".replace("http:", "https:")
                for who, status in ((hers, 200), (strangers, 403), (None, 403)):
                    client = ssl.create_default_context(cafile=ours[0])
                    if who is not None:
                        client.load_cert_chain(who[0], who[1])
                    async with (
                        aiohttp.ClientSession() as http,
                        http.post(url, data=BEGIN, headers=JSON, ssl=client) as response,
                    ):
                        assert status == response.status


async def test_a_client_certificate_that_a_named_proxy_gives_on(desk, tmp_path):
    config = configured(tmp_path, f'{{certificate: "{":".join(FINGERPRINT[i:i + 2] for i in range(0, 64, 2))}"}}',
                        "proxies: [127.0.0.1]\n")  # fmt: skip
    async with desk(config=config) as d:
        for der, status in ((DER, 200), (DER + b"\0", 403)):
            headers = {**JSON, access.CLIENT_CERT: f":{base64.b64encode(der).decode()}:"}
            async with d.http.post(f"{d.url}/ussd/json", data=BEGIN, headers=headers) as response:
                assert status == response.status


def test_tls_that_cannot_be_had_names_its_files(tmp_path):
    with pytest.raises(server.CannotListen, match=r"nowhere\.pem"):
        server.tls(TlsSettings(certificate=str(tmp_path / "nowhere.pem"), key=str(tmp_path / "nowhere.key")))
