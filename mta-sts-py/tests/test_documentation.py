"""Every example in a docstring runs, and everything public has a docstring."""

from __future__ import annotations

import doctest
import inspect
import types
from pathlib import Path

import pytest

import mta_sts
from mta_sts import _core, _drive, _values, _words

ROOT = Path(__file__).resolve().parents[1]


def native_tests() -> list[doctest.DocTest]:
    """`doctest` does not look into classes that are not Python's."""
    parser = doctest.DocTestParser()
    found = []
    for name in _core.__all__:
        thing = getattr(_core, name)
        for where, text in [(name, thing.__doc__)] + [
            (f"{name}.{member}", getattr(thing, member).__doc__)
            for member in (dir(thing) if isinstance(thing, type) else ())
            if not member.startswith("_")
        ]:
            test = parser.get_doctest(text or "", {}, where, None, 0)
            if test.examples:
                found.append(test)
    return found


@pytest.mark.parametrize("test", native_tests(), ids=lambda test: test.name)
def test_native_example(test: doctest.DocTest) -> None:
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("module", [mta_sts, _drive, _values, _words], ids=lambda module: module.__name__)
def test_examples(module: types.ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


def test_there_are_examples() -> None:
    names = {test.name for test in native_tests()}
    assert {"Policy", "Record", "Lookup", "Delivery", "PolicyCache", "DnsName", "MxPattern"} <= names


def test_everything_public_says_what_it_is() -> None:
    for name in mta_sts.__all__:
        thing = getattr(mta_sts, name)
        if not isinstance(thing, (type, types.FunctionType, types.BuiltinFunctionType)):
            continue
        assert inspect.getdoc(thing), name
        for member, value in vars(thing).items() if isinstance(thing, type) else ():
            if not member.startswith("_") and (callable(value) or inspect.isdatadescriptor(value)):
                if not inspect.ismemberdescriptor(value):
                    assert inspect.getdoc(value), f"{name}.{member}"
