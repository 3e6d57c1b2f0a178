"""Secrets are found wherever they stand, and are to be had again by their references alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agent.app.scenario.masking import Secrets, load_secrets, unmask

KEY = "kept-from-everybody"
KEY_IN_TWO = f'a\\"b{KEY}'


@pytest.mark.parametrize(
    "text",
    [
        f"<ascii-text>{KEY}</ascii-text>",
        f'<ike:hexadecimal xmlns:ike="urn:x">{KEY}</ike:hexadecimal>',
        f'<ascii-text  nc:operation="replace" >{KEY}</ascii-text >',
        f'{{"ascii-text": "{KEY}"}}',
        f'{{"ascii-text":[{{"data":"{KEY}"}}]}}',
        f'{{"ascii-text" : [ {{ "attributes" : {{"comment": "x"}}, "data" : "{KEY}" }} ]}}',
        f"&quot;ascii-text&quot;:&quot;{KEY}&quot;",
        f"&quot;ascii-text&quot;:[{{&quot;data&quot;:&quot;{KEY}&quot;}}]",
        f'{{"ascii-text": "{KEY_IN_TWO}"}}',
        f'pre-shared-key ascii-text "{KEY_IN_TWO}";',
        f"pre-shared-key ascii-text &quot;{KEY_IN_TWO}&quot;;",
        f'pre-shared-key {{ ascii-text /* not {"*" * 9} this */ "{KEY}"; }}',
        f"pre-shared-key {{ ascii-text # nor this\n  {KEY}; }}",
        f"pre-shared-key ascii-text a&amp;b{KEY};",
        f"pre-shared-key ascii-text $9{KEY};",
        f'pre-shared-key ascii-text "{KEY}',
        f'pre-shared-key ascii-text "{KEY}";',
        f"set ike policy 4.4.4.4 pre-shared-key hexadecimal {KEY}\n",
        f"pre-shared-key ascii-text {KEY};",
        f"ascii-text: {KEY}",
        f"&lt;ascii-text&gt;{KEY}&lt;/ascii-text&gt;",
        f"<![CDATA[<ascii-text>{KEY}</ascii-text>]]>",
        f"<ascii-text><![CDATA[{KEY}]]></ascii-text>",
        f"<ascii-text>ke<!-- no -->pt-from-everybody{KEY}</ascii-text>",
        f"<ascii-text note='a > b'>{KEY}</ascii-text>",
        f"<ascii-text>{KEY}",
        f"<em:document xmlns:em='x'>users: {{admin: {KEY}}}</em:document>",
    ],
)
def test_a_secret_does_not_stand_in_what_is_written_and_comes_back(tmp_path: Path, text: str) -> None:
    secrets = Secrets(tmp_path / "secrets")
    masked = secrets.mask(text)
    assert KEY not in masked
    assert "$secret$1" in masked
    assert unmask(masked, load_secrets(tmp_path / "secrets")) == text


@pytest.mark.parametrize("text", ['{"ascii-text": 31415926}', '{"hexadecimal":[{"data":31415926}]}'])
def test_a_secret_that_is_a_number_does_not_stand_there_either(text: str) -> None:
    assert "31415926" not in Secrets(None).mask(text)


HARD = (
    "ascii-text /**/",
    "ascii-text /*",
    "ascii-text ",
    "ascii-text #",
    "/**/",
    '"ascii-text":[{',
    "<ascii-text>",
    "<ascii-text a='",
    "<document>",
    "&lt;ascii-text",
    "&lt;ascii-text&gt;",
)


@pytest.mark.parametrize("part", HARD)
def test_what_is_long_is_looked_through_in_time_that_grows_with_it(part: str) -> None:
    text = part * (300_000 // len(part))  # where it grows with the square this takes minutes
    assert Secrets(None).mask(text).count("$secret$") < len(text)


@pytest.mark.parametrize(
    "text",
    [
        "<name>ascii-text</name><mode>main</mode>",
        "<ascii-text/>",
        "<ascii-text>$sealed$AAAA</ascii-text>",
        "<get><filter><pre-shared-key/></filter></get>",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Secrets(None).mask(text) == text


def test_one_secret_has_one_reference_and_another_has_another() -> None:
    secrets = Secrets(None)
    masked = secrets.mask("<ascii-text>a1</ascii-text><ascii-text>b2</ascii-text><ascii-text>a1</ascii-text>")
    assert masked == (
        "<ascii-text>$secret$1</ascii-text><ascii-text>$secret$2</ascii-text><ascii-text>$secret$1</ascii-text>"
    )


def test_the_file_of_the_secrets_is_their_owners_alone_and_not_made_without_need(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    secrets.mask("<get/>")
    assert not (tmp_path / "secrets").exists()
    secrets.mask("<ascii-text>a1</ascii-text><hexadecimal>b2</hexadecimal>")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600
    assert load_secrets(tmp_path / "secrets") == {"$secret$1": "a1", "$secret$2": "b2"}


def test_a_reference_that_nobody_knows_stays() -> None:
    assert unmask("<a>$secret$9</a>", {"$secret$1": "x"}) == "<a>$secret$9</a>"


def test_a_secret_around_another_comes_back_whole(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "s")
    text = f'pre-shared-key "a <ascii-text>{KEY}</ascii-text> b"; ascii-text {KEY};'
    masked = secrets.mask(text)
    assert KEY not in masked
    assert unmask(masked, load_secrets(tmp_path / "s")) == text
