"""The exception of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import _literals as literal
    from ._words import ResultType


class MtaStsError(ValueError):
    """Something that the package refuses.

    `code` is a stable word, listed by `codes()`; `line` (from 1) and `offset` (in octets) say where,
    if there is a place. `result_type` is what TLSRPT counts, of an answer of a Policy Host. `path` is the
    member of a TLS report, `policies[0].summary`, empty for the report as a whole.
    """

    code: literal.ErrorCode
    line: int | None
    offset: int | None
    result_type: ResultType | None
    path: str | None

    def __init__(
        self,
        message: str,
        code: literal.ErrorCode,
        line: int | None = None,
        offset: int | None = None,
        result_type: ResultType | None = None,
        path: str | None = None,
        /,
    ) -> None:
        super().__init__(message, code, line, offset, result_type, path)
        self.code = code
        self.line = line
        self.offset = offset
        self.result_type = result_type
        self.path = path

    def __str__(self) -> str:
        return str(self.args[0])

    def __repr__(self) -> str:
        place = {"line": self.line, "path": self.path, "offset": self.offset}
        where = "".join(f", {name}={value!r}" for name, value in place.items() if value is not None)
        return f"MtaStsError({str(self)!r}, code={self.code!r}{where})"
