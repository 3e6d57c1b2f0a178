"""A client at the other end of a NETCONF session engine: bytes in, bytes out, no wire between.

Every reply with data is judged by libyang against the modules: a whole one is validated, a filtered one parsed.
"""

from __future__ import annotations

from lxml import etree

from agent.datastore.schema import Schema
from agent.transport.endpoint import Session

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
NAMESPACES = {
    "nc": BASE,
    "toy": "urn:toy",
    "ike": "urn:ipsec-agent:ike",
    "cert": "urn:ipsec-agent:certificates",
    "ipsec": "urn:ipsec-agent:ipsec",
    "if": "urn:ietf:params:xml:ns:yang:ietf-interfaces",
    "esif": "urn:ipsec-agent:interfaces",
    "em": "urn:ipsec-agent:emulation",
    "red": "urn:ipsec-agent:redundancy",
}
BASE_1_0 = "urn:ietf:params:netconf:base:1.0"
BASE_1_1 = "urn:ietf:params:netconf:base:1.1"
END_OF_MESSAGE = b"]]>]]>"
HELLO = f'<hello xmlns="{BASE}"><capabilities><capability>{BASE_1_1}</capability></capabilities></hello>]]>]]>'
"""A client's hello for base:1.1 as it goes on the wire."""


class Wire:
    """One client."""

    def __init__(self, session: Session, schema: Schema) -> None:
        """Stand at the other end of `session`."""
        self.session = session
        self._schema = schema
        self._received = b""
        self._chunked = False
        self._message_id = 0

    def hello(self, *capabilities: str, frame: bool = True) -> etree._Element:
        """Exchange hellos and return the server's; without arguments base:1.1 is announced."""
        listed = "".join(f"<capability>{c}</capability>" for c in capabilities or (BASE_1_1,))
        message = f'<hello xmlns="{BASE}"><capabilities>{listed}</capabilities></hello>'
        self.session.receive(message.encode() + END_OF_MESSAGE)
        self._pull()
        hello = self._take()
        self._chunked = BASE_1_1 in (capabilities or (BASE_1_1,))
        assert hello is not None
        return etree.fromstring(hello)

    def send(self, message: str | bytes) -> None:
        """Send one message in a frame."""
        content = message.encode() if isinstance(message, str) else message
        self.session.receive(chunk(content) if self._chunked else content + END_OF_MESSAGE)

    def receive(self) -> etree._Element | None:
        """Return the next message that the server has for us, None when it has none."""
        self._pull()
        message = self._take()
        return None if message is None else etree.fromstring(message)

    def exchange(self, message: str | bytes) -> etree._Element:
        """Send a message and return the answer."""
        self.send(message)
        answer = self.receive()
        assert answer is not None, "the server did not answer"
        return answer

    def rpc(self, operation: str, whole: bool = False) -> etree._Element:
        """Send an operation and return the rpc-reply, after libyang has judged its data."""
        self._message_id += 1
        reply = self.exchange(envelope(operation, str(self._message_id)))
        assert reply.get("message-id") == str(self._message_id)
        data = reply.find("nc:data", NAMESPACES)
        if data is not None:
            content = b"".join(etree.tostring(child, with_tail=False) for child in data)
            assert self._schema.parse_data(content, whole=whole) == ()
        return reply

    def get(self, content: str | None = None) -> etree._Element:
        """Return the data element of a get with a subtree filter, or of everything."""
        filter_ = f'<filter type="subtree">{content}</filter>' if content is not None else ""
        data = self.rpc(f"<get>{filter_}</get>", whole=content is None).find("nc:data", NAMESPACES)
        assert data is not None
        return data

    def get_config(self, content: str | None = None) -> etree._Element:
        """Return the data element of a get-config of running."""
        filter_ = f'<filter type="subtree">{content}</filter>' if content is not None else ""
        reply = self.rpc(f"<get-config><source><running/></source>{filter_}</get-config>")
        data = reply.find("nc:data", NAMESPACES)
        assert data is not None
        return data

    @property
    def is_finished(self) -> bool:
        """Whether the channel is to be closed, once everything that the server has to say was pulled."""
        self._pull()
        return self.session.is_finished

    def _pull(self) -> None:
        while piece := self.session.transmit(65536):
            self._received += piece

    def _take(self) -> bytes | None:
        if not self._chunked:
            message, mark, rest = self._received.partition(END_OF_MESSAGE)
            if not mark:
                return None
            self._received = rest
            return message
        return self._take_chunks()

    def _take_chunks(self) -> bytes | None:
        message, rest = b"", self._received
        while rest.startswith(b"\n#") and not rest.startswith(b"\n##"):
            header, _, rest = rest[2:].partition(b"\n")
            message, rest = message + rest[: int(header)], rest[int(header) :]
        if not rest.startswith(b"\n##\n"):
            return None
        self._received = rest[4:]
        return message


def envelope(operation: str, message_id: str = "1", attributes: str = "") -> str:
    """Return an rpc with an operation in it."""
    return f'<rpc xmlns="{BASE}" message-id="{message_id}" {attributes}>{operation}</rpc>'


def chunk(message: str | bytes) -> bytes:
    """Return a message of base:1.1 as it goes on the wire: one chunk and the end."""
    content = message.encode() if isinstance(message, str) else message
    return b"\n#%d\n%b\n##\n" % (len(content), content)


def texts(element: etree._Element, path: str) -> list[str]:
    """Return the texts that an XPath with the prefixes of NAMESPACES finds."""
    return [str(found.text or "") for found in element.findall(path, NAMESPACES)]


def text(element: etree._Element, path: str) -> str:
    """Return the one text that a path finds."""
    found = texts(element, path)
    assert len(found) == 1, f"{path}: {len(found)} found"
    return found[0]


def error(reply: etree._Element) -> dict[str, str]:
    """Return the one rpc-error of a reply: its children by local name, error-info flattened."""
    found = reply.findall("nc:rpc-error", NAMESPACES)
    assert len(found) == 1, etree.tostring(reply)
    parts = found[0].iterdescendants(etree.Element)
    return {etree.QName(part).localname: (part.text or "") for part in parts}
