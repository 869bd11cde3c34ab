"""What a node of a term does with its arguments."""

from __future__ import annotations

import enum
from typing import Final


class Op(enum.Enum):
    """What a node does with its arguments."""

    CONST = "const"
    VAR = "var"
    NOT = "not"
    AND = "and"
    OR = "or"
    XOR = "xor"
    ITE = "ite"
    EQ = "="
    ULT = "ult"
    SLT = "slt"
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    UDIV = "udiv"
    UREM = "urem"
    SDIV = "sdiv"
    SREM = "srem"
    SHL = "shl"
    LSHR = "lshr"
    ASHR = "ashr"
    CONCAT = "concat"
    EXTRACT = "extract"
    ZEXT = "zext"
    SEXT = "sext"

    # Every look-up of a term hashes its operation; that of an enumeration is a function in Python.
    __hash__ = object.__hash__


# Python 3.11 finds a member in its class ten times as slowly as a name of a module, and lifting asks millions of times.
CONST: Final = Op.CONST
VAR: Final = Op.VAR
NOT: Final = Op.NOT
AND: Final = Op.AND
OR: Final = Op.OR
XOR: Final = Op.XOR
ITE: Final = Op.ITE
EQ: Final = Op.EQ
ULT: Final = Op.ULT
SLT: Final = Op.SLT
ADD: Final = Op.ADD
SUB: Final = Op.SUB
MUL: Final = Op.MUL
UDIV: Final = Op.UDIV
UREM: Final = Op.UREM
SDIV: Final = Op.SDIV
SREM: Final = Op.SREM
SHL: Final = Op.SHL
LSHR: Final = Op.LSHR
ASHR: Final = Op.ASHR
CONCAT: Final = Op.CONCAT
EXTRACT: Final = Op.EXTRACT
ZEXT: Final = Op.ZEXT
SEXT: Final = Op.SEXT
