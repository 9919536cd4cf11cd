"""Secrets do not print, and are hidden in text that others wrote."""

import base64
import json

import pytest

from elastic_vllm.testing.values import SECRET_TEXT, Secret
from elastic_vllm.testing.wire import decode, encode
from fleet.deploy.report import Redactor
from tests.recorded import reveal


def test_a_secret_prints_as_a_mark_however_deep_it_is() -> None:
    value = {"a": [Secret("s3cr3t-value")], "b": Secret({"c": "s3cr3t-value"})}
    assert "s3cr3t" not in f"{value} {value!r} {value['b']}"
    assert reveal(value) == {"a": ["s3cr3t-value"], "b": {"c": "s3cr3t-value"}}


def test_a_secret_survives_the_wire_with_its_mark() -> None:
    value = {"a": Secret({"b": ["s3cr3t", 3]})}
    assert decode(encode(value)) == value


def test_each_string_inside_a_secret_is_hidden_plain_and_in_base64() -> None:
    redactor = Redactor()
    redactor.learn({"plain": "visible", "keys": Secret({"chat": "s3cr3t-one", "more": ["s3cr3t-two"]})})
    encoded = base64.b64encode(b"s3cr3t-two").decode()
    message = redactor.hide(f"visible, s3cr3t-one, {encoded}")
    assert message == f"visible, {SECRET_TEXT}, {SECRET_TEXT}"


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_a_secret_is_hidden_as_json_has_it(ensure_ascii: bool) -> None:
    redactor = Redactor()
    redactor.learn(Secret('pass"wörd\\'))
    message = redactor.hide(json.dumps({"password": 'pass"wörd\\'}, ensure_ascii=ensure_ascii))
    assert message == f'{{"password": "{SECRET_TEXT}"}}'


def test_each_line_of_a_secret_is_hidden_where_it_stands_alone() -> None:
    redactor = Redactor()
    redactor.learn(Secret("first-line\n  second-line\r\nshort\n"))
    assert redactor.hide("error in second-line: short") == f"error in {SECRET_TEXT}: short"
    assert redactor.hide("first-line") == SECRET_TEXT
    assert redactor.hide(json.dumps("first-line\n  second-line\r\nshort\n")) == f'"{SECRET_TEXT}"'


def test_a_secret_that_contains_another_is_hidden_whole() -> None:
    redactor = Redactor()
    redactor.learn([Secret("s3cr3t"), Secret("s3cr3t-and-more")])
    assert redactor.hide("s3cr3t-and-more") == SECRET_TEXT


def test_secrets_of_the_configuration_are_known_before_the_program_runs() -> None:
    redactor = Redactor()
    redactor.learn_text('{"chat": "s3cr3t-one"}')
    redactor.learn_text("s3cr3t-two")
    assert redactor.hide("s3cr3t-one s3cr3t-two") == f"{SECRET_TEXT} {SECRET_TEXT}"


def test_a_word_as_short_as_true_is_not_hidden_everywhere() -> None:
    redactor = Redactor()
    redactor.learn(Secret("true"))
    assert redactor.hide("true") == "true"
