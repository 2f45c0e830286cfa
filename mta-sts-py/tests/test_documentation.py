"""Every example in a docstring and in a page runs, and everything public has a docstring."""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import mta_sts
from conftest import program
from mta_sts import _core, _drive, _publishing, _values, _words, publish, tlsrpt

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


@pytest.mark.parametrize("module", [mta_sts, _drive, _publishing, _values, _words, publish, tlsrpt], ids=lambda module: module.__name__)
def test_examples(module: types.ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


def test_there_are_examples() -> None:
    names = {test.name for test in native_tests()}
    assert {"Policy", "Record", "Lookup", "Delivery", "PolicyCache", "DnsName", "MxPattern", "Report", "Tally", "assess", "explain", "Draft", "History", "id_of"} <= names


def test_everything_public_says_what_it_is() -> None:
    for name, thing in [(name, getattr(module, name)) for module in (mta_sts, publish, tlsrpt) for name in module.__all__]:
        if not isinstance(thing, (type, types.FunctionType, types.BuiltinFunctionType)):
            continue
        assert inspect.getdoc(thing), name
        for member, value in vars(thing).items() if isinstance(thing, type) else ():
            if not member.startswith("_") and (callable(value) or inspect.isdatadescriptor(value)):
                if not inspect.ismemberdescriptor(value):
                    assert inspect.getdoc(value), f"{name}.{member}"


def test_the_stub_says_what_the_native_half_says() -> None:
    # Editors show the text of the stub, `help()` that of the native half.
    stub = ast.parse(Path(mta_sts.__file__).with_name("_core.pyi").read_text("utf-8"))
    in_stub, at_run_time = {}, {}
    for node in stub.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            in_stub[node.name] = ast.get_docstring(node)
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    in_stub[f"{node.name}.{member.name}"] = ast.get_docstring(member)
    for name in _core.__all__:
        thing = getattr(_core, name)
        if name != "__version__":
            at_run_time[name] = inspect.getdoc(thing)
            for member_name in vars(thing) if isinstance(thing, type) else ():
                if not member_name.startswith("_"):
                    at_run_time[f"{name}.{member_name}"] = inspect.getdoc(getattr(thing, member_name))
    assert in_stub == at_run_time
    assert len(in_stub) > 100 and [name for name, text in in_stub.items() if not text] == []


REPOSITORY = ROOT.parent
PAGES = sorted({REPOSITORY / "README.md", *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("mta-sts-*/README.md")})


def blocks(language: str) -> list[tuple[str, str]]:
    """The blocks of the pages, each with its page and line."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 2
            # Line numbers of a traceback are those of the page.
            found.append((f"{page.relative_to(REPOSITORY)}:{line}", "\n" * (line - 1) + match[1]))
    return found


NETWORK = re.compile(r"\bResolver\(")
"""A block that asks the network, and runs in the loopback world."""


@pytest.mark.parametrize("block", [each for each in blocks("python") if not NETWORK.search(each[1])], ids=lambda each: each[0])
def test_block_of_a_page(block: tuple[str, str]) -> None:
    where, code = block
    exec(compile(code, where, "exec"), {})


@pytest.mark.parametrize("block", [each for each in blocks("python") if NETWORK.search(each[1])], ids=lambda each: each[0])
def test_block_of_a_page_in_the_world(
    block: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    aio = pytest.importorskip("mta_sts.aio", reason="the resolvers need the extra `resolver`")
    world = request.getfixturevalue("world")
    construct = aio.Resolver.__init__
    options = {name: world.options[name] for name in ("dns", "ca_file", "https_port")}
    monkeypatch.setattr(aio.Resolver, "__init__", lambda self, **own: construct(self, **(own | options)))
    where, code = block
    code = code.replace("example.com", "healthy-enforce.test").replace("/var/lib/mail", str(tmp_path))
    names: dict[str, Any] = {}
    exec(compile(code, where, "exec"), names)
    outcome = asyncio.run(names["main"]()) if "main" in names else names["outcome"]
    assert outcome.policy is not None and outcome.policy.mode == "enforce"


def test_the_first_pages_have_blocks() -> None:
    pages = {where.partition(":")[0] for where, _ in blocks("python")}
    assert "mta-sts-py/README.md" in pages and len(blocks("python")) >= 4


def commands() -> list[str]:
    """What the pages tell to run: lines of blocks, and what stands between backquotes."""
    found = set()
    for page in PAGES:
        text = page.read_text("utf-8")
        found |= {match[1] for match in re.finditer(r"`(mtasts [^`\n]+)`", text)}
        found |= {match[1] for match in re.finditer(r"^(?:    |\$ |sudo )*(mtasts .+?)(?:\s#.*)?$", text, re.MULTILINE)}
    return sorted(found)


def test_commands_of_the_pages_have_the_options_that_they_are_given() -> None:
    pytest.importorskip("dns", reason="the command is built for the tests of the resolvers")
    mtasts, known = str(program()), {}

    def help_of(words: tuple[str, ...]) -> str:
        if words not in known:
            ran = subprocess.run([mtasts, *words, "--help"], capture_output=True, text=True, timeout=60)
            known[words] = ran.stdout if ran.returncode == 0 else ""
        return known[words]

    checked = 0
    for command in commands():
        _, *arguments = command.split()
        words: tuple[str, ...] = ()
        for argument in arguments:
            if not re.fullmatch(r"[a-z-]+", argument) or argument.startswith("-") or not help_of((*words, argument)):
                break
            words = (*words, argument)
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", command):
            checked += 1
            assert re.search(rf"{option}\b", help_of(words)), f"{command}: {option} is no option of {words}"
    assert checked >= 5


IN_ANOTHER_INTERPRETER = """
import sys
sys.path[:0] = {path!r}
try:
    import mta_sts
except ImportError as error:
    print(error, flush=True)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before, modules do not say which interpreters they support")
def test_a_second_interpreter_is_told_why_it_cannot_import_the_package() -> None:
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    code = (
        f"import mta_sts, {module} as interpreters; "
        f"interpreters.run_string(interpreters.create(), {IN_ANOTHER_INTERPRETER.format(path=sys.path)!r})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "subinterpreter" in ran.stdout, (ran.stdout, ran.stderr)
