"""The vectors of the project, and how octets stand in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "vectors"


class Case(TypedDict):
    id: str
    comment: str
    input: dict[str, Any]
    expected: dict[str, Any]


def read_all() -> dict[str, list[Case]]:
    """The cases of every room that has a file."""
    rooms = {}
    for path in sorted(FOLDER.glob("*.json")):
        if path.name != "schema.json":
            file = json.loads(path.read_text("utf-8"))
            rooms[file["room"]] = file["cases"]
    return rooms


def octets(written: Any) -> bytes:
    """A text in UTF-8, a text in hexadecimal, a repetition, or some of these in a row."""
    match written:
        case str():
            return written.encode()
        case list():
            return b"".join(map(octets, written))
        case {"hex": text, **rest} if not rest:
            return bytes.fromhex(text)
        case {"repeat": part, "times": times, **rest} if not rest:
            return octets(part) * int(times)
    raise ValueError(f"no octets: {written!r}")


def covers(expected: Any, actual: Any) -> bool:
    """Whether the actual value is as expected; it may have members that nobody expects."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(key in actual and covers(value, actual[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(actual, (list, tuple)):
        return len(expected) == len(actual) and all(map(covers, expected, actual))
    if isinstance(expected, (list, dict)) and isinstance(actual, str):
        return octets(expected) == actual.encode()
    return type(expected) is type(actual) and bool(expected == actual)


class Fields(dict[str, Any]):
    """An input of which every field must be taken: one that is not known must not be passed over."""

    def take(self, *names: str) -> list[Any]:
        return [self.pop(name) for name in names]

    def option(self, name: str, default: Any = None) -> Any:
        return self.pop(name, default)

    def __enter__(self) -> Fields:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self:
            raise ValueError(f"not understood: {sorted(self)}")
