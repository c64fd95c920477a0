"""A WSDL file to envelope templates, by zeep (the extra `rasad[wsdl]`).

zeep reads the description and builds the message, once; nothing of it is there when a citizen asks. So requests go out
by our own HTTP with our own limits, and answers are read by adapters.xml like any other.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from adapters.contract import BackendUnusable
from adapters.envelope import Template, Version


def templates(
    file: Path, version: Version, operations: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[tuple[Template, str]]:
    """For each (operation, parameters) its envelope and its SOAPAction. Blocking: call it in a thread.

    Texts in parameters may have `{{exact}}` and the like. Raises BackendUnusable with what to mend.
    """
    import zeep
    from zeep.transports import Transport
    from zeep.wsdl.bindings import Soap11Binding, Soap12Binding

    class FilesOnly(Transport):
        """What the WSDL imports is taken from beside it; an address in it is not followed."""

        def load(self, url: str) -> bytes:
            if "://" in url:
                raise ValueError("it imports an address; put that file beside it and name the file")
            return Path(url).read_bytes()

    wanted = {"1.1": Soap11Binding, "1.2": Soap12Binding}[version]
    settings = zeep.Settings(forbid_dtd=True, forbid_external=True)
    try:
        client = zeep.Client(str(file), transport=FilesOnly(), settings=settings)
        ports = [
            (port.binding, client.bind(service.name, port.name))
            for service in client.wsdl.services.values()
            for port in service.ports.values()
            if isinstance(port.binding, wanted)
        ]
        if not ports:
            raise BackendUnusable(f"{file}: it has no port for SOAP {version}")
        binding, proxy = ports[0]
        found = []
        for name, parameters in operations:
            if name not in binding.all():
                raise BackendUnusable(f"{file}: there is no operation {name}; there are {', '.join(binding.all())}")
            envelope = client.create_message(proxy, name, **parameters)
            template = Template(etree.tostring(envelope, encoding="unicode"), version)
            found.append((template, binding.get(name).soapaction or ""))
        return found
    except BackendUnusable:
        raise
    except Exception as error:
        # zeep has no common error: a bad file shows as any of its own, lxml's, KeyError or OSError.
        raise BackendUnusable(f"{file}: cannot be used: {type(error).__name__}: {error}") from error
