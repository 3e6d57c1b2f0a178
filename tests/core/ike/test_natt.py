"""Detection of a translator by the hashes of both ends."""

import pytest

from agent.core.config import HashAlgorithm
from agent.core.identifiers import Cookie, Endpoint
from agent.core.ike.message import CookiePair
from agent.core.ike.natt import NatDetection, Path, detect, nat_d
from tests.support.gateways import ALICE, BOB

MD5 = HashAlgorithm.MD5
COOKIES = CookiePair(Cookie(b"initiato"), Cookie(b"responde"))
OURS, THEIRS = Endpoint(ALICE, 500), Endpoint(BOB, 500)
PATH = Path(OURS, THEIRS)
TRUE_OURS, TRUE_THEIRS = nat_d(MD5, COOKIES, OURS), nat_d(MD5, COOKIES, THEIRS)
FALSE = nat_d(MD5, COOKIES, Endpoint(ALICE, 501))


@pytest.mark.parametrize(
    ("received", "is_local", "is_remote"),
    [
        ((TRUE_OURS, TRUE_THEIRS), False, False),
        ((FALSE, TRUE_THEIRS), True, False),
        ((TRUE_OURS, FALSE), False, True),
        ((FALSE, FALSE), True, True),
        ((TRUE_OURS, FALSE, TRUE_THEIRS), False, False),  # a sender with several addresses
        ((TRUE_THEIRS, TRUE_OURS), True, True),  # the wrong way round: the first is of the receiver
        ((), False, False),
    ],
)
def test_each_end_is_judged_by_its_own_hash(received: tuple[object, ...], is_local: bool, is_remote: bool) -> None:
    found = detect(MD5, COOKIES, PATH, received)  # type: ignore[arg-type]
    assert found == NatDetection(is_local, is_remote)
    assert found.is_detected is (is_local or is_remote)


def test_a_hash_depends_on_address_port_and_cookies() -> None:
    other = CookiePair(Cookie(b"another!"), COOKIES.responder)
    hashes = {nat_d(MD5, COOKIES, OURS), FALSE, TRUE_THEIRS, nat_d(MD5, other, OURS)}
    assert len(hashes) == 4
