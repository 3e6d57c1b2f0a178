"""Cookies: bound to the path and to a secret, and never the same twice."""

from agent.core.identifiers import Cookie, Endpoint
from agent.core.ike.cookies import KeyedCookies
from agent.core.ike.message import ZERO_COOKIE
from agent.core.ike.natt import Path
from agent.core.world import World
from tests.support.gateways import ALICE, BOB

PATH = Path(Endpoint(ALICE, 500), Endpoint(BOB, 500))
PEERS = Cookie(b"the peer")


def maker(secret: bytes = b"a secret of twenty o", *, now: int = 0) -> KeyedCookies:
    return KeyedCookies(World(now=now, seed=0), lambda purpose, count: secret)


def test_a_cookie_depends_on_every_part_of_the_path_the_peers_cookie_the_secret_and_the_time() -> None:
    paths = [
        PATH,
        Path(PATH.remote, PATH.local),
        Path(Endpoint(ALICE, 501), PATH.remote),
        Path(PATH.local, Endpoint(BOB, 501)),
        Path(PATH.local, Endpoint(ALICE, 500)),
    ]
    made = [maker().make(path, PEERS) for path in paths]
    made += [maker().make(PATH, ZERO_COOKIE), maker(b"another secret").make(PATH, PEERS)]
    made += [maker(now=1).make(PATH, PEERS)]
    assert len(set(made)) == len(made)
    assert {len(each) for each in made} == {8}


def test_the_same_path_at_the_same_time_gets_another_cookie_each_time() -> None:
    cookies = maker()
    made = [cookies.make(PATH, PEERS) for _ in range(100)]
    assert len(set(made)) == 100


def test_the_secret_is_drawn_once_and_not_before_it_is_needed() -> None:
    drawn: list[str] = []

    def draw(purpose: str, count: int) -> bytes:
        drawn.append(purpose)
        return bytes(count)

    cookies = KeyedCookies(World(now=0, seed=0), draw)
    assert drawn == []
    cookies.make(PATH, PEERS)
    cookies.make(PATH, ZERO_COOKIE)
    assert drawn == ["cookie-secret"]


def test_the_same_secret_and_time_give_the_same_cookies() -> None:
    assert maker().make(PATH, PEERS) == maker().make(PATH, PEERS)
