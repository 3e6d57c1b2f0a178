"""What libyang says of whole trees, and that it reads the very modules that are served."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.datastore.schema import ModuleRequest, Schema, ValidationError, Violation, load_schema
from tests.support.schemas import load_texts

MODULE = """module shop {
  yang-version 1.1;
  namespace "urn:shop";
  prefix s;
  container shop {
    presence "open";
    must "name" { error-message "A shop has a name."; error-app-tag "nameless"; }
    leaf name { type string; }
    leaf owner { type string; mandatory true; }
    leaf best { type leafref { path "../item/id"; } }
    choice payment { mandatory true; leaf cash { type empty; } leaf card { type empty; } }
    list item {
      key id;
      unique label;
      max-elements 3;
      leaf id { type uint8; }
      leaf label { type string; }
      leaf price { type uint8; must ". > 0"; }
      leaf discount { when "../price > 9"; type uint8; }
    }
    leaf-list tag { type string; min-elements 1; }
    container sales { config false; leaf today { type uint32; mandatory true; } }
  }
}
"""
GOOD = "<name>a</name><owner>b</owner><cash/><tag>c</tag>"


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return load_texts(tmp_path_factory.mktemp("shop"), MODULE)


@pytest.fixture(scope="module")
def ike_schema() -> Schema:
    return load_schema(modules=[ModuleRequest("ipsec-agent-ike")])


def shop(content: str) -> bytes:
    return f'<shop xmlns="urn:shop">{content}</shop>'.encode()


def only(errors: tuple[ValidationError, ...]) -> tuple[Violation, str, str]:
    assert len(errors) == 1, errors
    return errors[0].kind, errors[0].app_tag, errors[0].path


def test_a_valid_configuration_has_no_errors_though_its_state_is_mandatory(schema: Schema) -> None:
    assert schema.validate(shop(GOOD)) == ()
    assert schema.validate(b"") == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (GOOD.replace("<name>a</name>", ""), (Violation.MUST, "nameless", "/shop:shop")),
        (GOOD.replace("<owner>b</owner>", ""), (Violation.MANDATORY, "", "/shop:shop")),
        (GOOD.replace("<cash/>", ""), (Violation.MANDATORY, "missing-choice", "/shop:shop")),
        (GOOD.replace("<tag>c</tag>", ""), (Violation.COUNT, "too-few-elements", "/shop:shop/tag")),
        (GOOD + "<best>1</best>", (Violation.LEAFREF, "instance-required", "/shop:shop/best")),
        (
            GOOD + "<item><id>1</id><price>0</price></item>",
            (Violation.MUST, "must-violation", "/shop:shop/item[id='1']/price"),
        ),
        (
            GOOD + "<item><id>1</id><label>x</label></item><item><id>2</id><label>x</label></item>",
            (Violation.UNIQUE, "data-not-unique", "/shop:shop/item[id='2']"),
        ),
        (
            GOOD + "".join(f"<item><id>{number}</id></item>" for number in range(4)),
            (Violation.COUNT, "too-many-elements", "/shop:shop/item[id='3']"),
        ),
        (
            GOOD + "<item><id>1</id><price>9</price><discount>1</discount></item>",
            (Violation.WHEN, "", "/shop:shop/item[id='1']/discount"),
        ),
    ],
)
def test_a_broken_constraint_is_told_by_kind_app_tag_and_path(
    schema: Schema, content: str, expected: tuple[Violation, str, str]
) -> None:
    assert only(schema.validate(shop(content))) == expected


def test_the_message_of_a_must_is_the_modules_own(schema: Schema) -> None:
    (error,) = schema.validate(shop(GOOD.replace("<name>a</name>", "")))
    assert error.message == "A shop has a name."


def test_all_errors_are_told_and_each_once(schema: Schema) -> None:
    errors = schema.validate(shop("<best>1</best><tag>c</tag><tag>c</tag>"))
    assert {error.kind for error in errors} >= {Violation.MUST, Violation.LEAFREF, Violation.MANDATORY}
    assert len(errors) == len(set(errors))


def test_one_check_leaves_no_errors_to_the_next(schema: Schema) -> None:
    assert schema.validate(shop("")) != ()
    assert schema.validate(shop(GOOD)) == ()


def test_state_has_no_place_in_a_configuration(schema: Schema) -> None:
    assert schema.validate(shop(GOOD + "<sales><today>1</today></sales>")) != ()


def test_a_whole_reply_needs_its_mandatory_state_and_a_part_does_not(schema: Schema) -> None:
    assert schema.parse_data(shop(GOOD + "<sales><today>1</today></sales>")) == ()
    assert schema.parse_data(shop(GOOD)) != ()
    assert schema.parse_data(shop("<name>a</name>"), whole=False) == ()


def test_a_part_of_a_reply_still_has_known_elements_and_values(schema: Schema) -> None:
    for content in ("<nothing/>", "<item><label>x</label></item>", "<item><id>256</id></item>"):
        assert schema.parse_data(shop(content), whole=False) != ()
    assert schema.parse_data(b'<other xmlns="urn:other"/>', whole=False) != ()
    assert schema.parse_data(b"<shop", whole=False) != ()


def test_nothing_is_written_to_the_standard_streams(schema: Schema, capfd: pytest.CaptureFixture[str]) -> None:
    schema.validate(shop(""))
    schema.parse_data(b"<shop")
    assert capfd.readouterr() == ("", "")


def test_an_import_without_a_revision_is_judged_in_the_revision_that_is_served(tmp_path: Path) -> None:
    text = """module pin { namespace "urn:pin"; prefix p; import ietf-yang-types { prefix yang; }
      leaf d { type yang:date-and-time; } }"""
    schema = load_texts(tmp_path, text)
    assert [module.revision for module in schema.imported] == ["2013-07-15"]
    # The edition of 2013 lets any two digits be the hour, that of 2025 does not.
    assert schema.validate(b'<d xmlns="urn:pin">2003-03-01T24:00:00Z</d>') == ()


def ike(mode: str, second_group: str, key: str) -> bytes:
    proposals = "".join(
        f"<proposal><name>{name}</name><authentication-algorithm>md5</authentication-algorithm>"
        f"<encryption-algorithm>3des-cbc</encryption-algorithm><dh-group>{group}</dh-group></proposal>"
        for name, group in (("one", "group2"), ("two", second_group))
    )
    policy = (
        f"<policy><peer-address>4.4.4.4</peer-address><mode>{mode}</mode><proposal>one</proposal>"
        f"<proposal>two</proposal><pre-shared-key>{key}</pre-shared-key></policy>"
    )
    return f'<ike xmlns="urn:ipsec-agent:ike">{proposals}{policy}</ike>'.encode()


SECRET = "<ascii-text>secret</ascii-text>"


def test_proposals_in_aggressive_mode_need_one_dh_group(ike_schema: Schema) -> None:
    kind, app_tag, path = only(ike_schema.validate(ike("aggressive", "group1", SECRET)))
    assert (kind, app_tag) == (Violation.MUST, "different-dh-groups")
    assert path == "/ipsec-agent-ike:ike/policy[peer-address='4.4.4.4']"
    assert ike_schema.validate(ike("aggressive", "group2", SECRET)) == ()
    assert ike_schema.validate(ike("main", "group1", SECRET)) == ()


@pytest.mark.parametrize(
    "key",
    [
        "<hexadecimal>00ff</hexadecimal>",
        "<hexadecimal>$sealed$abc_-</hexadecimal>",
        "<ascii-text>$sealed$x</ascii-text>",
    ],
)
def test_a_key_may_be_hexadecimal_or_sealed(ike_schema: Schema, key: str) -> None:
    assert ike_schema.validate(ike("main", "group2", key)) == ()


@pytest.mark.parametrize("key", ["", "<hexadecimal>0ff</hexadecimal>", "<ascii-text>é</ascii-text>", "<ascii-text/>"])
def test_a_policy_without_a_proper_key_is_refused(ike_schema: Schema, key: str) -> None:
    assert ike_schema.validate(ike("main", "group2", key)) != ()
