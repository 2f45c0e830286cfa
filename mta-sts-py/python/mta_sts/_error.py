"""The exception of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import _literals as literal
    from ._words import ResultType


class MtaStsError(ValueError):
    """Something that the package refuses.

    `code` is a stable word, listed by `codes()`; `line` (from 1) and `offset` (in octets) say where,
    if there is a place. `result_type` is what TLSRPT counts, of an answer of a Policy Host.
    """

    code: literal.ErrorCode
    line: int | None
    offset: int | None
    result_type: ResultType | None

    def __init__(
        self,
        message: str,
        code: literal.ErrorCode,
        line: int | None = None,
        offset: int | None = None,
        result_type: ResultType | None = None,
        /,
    ) -> None:
        super().__init__(message, code, line, offset, result_type)
        self.code = code
        self.line = line
        self.offset = offset
        self.result_type = result_type

    def __str__(self) -> str:
        return str(self.args[0])

    def __repr__(self) -> str:
        place = "" if self.line is None else f", line={self.line}, offset={self.offset}"
        return f"MtaStsError({str(self)!r}, code={self.code!r}{place})"
