"""A hint to the processor that a number of an array is wanted soon, so that it is near when it is.

What lies far apart in memory, as the motions of the two of a pair do, takes the time of a hundred steps to arrive.
Asked for a block ahead, it arrives while the block before is worked on. A hint changes no result: interpreted, it does
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir  # numba's own, of the version that it asks for
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

_I32: Final = ir.IntType(32)
_POINTER: Final = ir.PointerType()
_PREFETCH: Final = ir.FunctionType(ir.VoidType(), [_POINTER, _I32, _I32, _I32])
_TO_READ_NEAREST_DATA: Final = (_I32(0), _I32(3), _I32(1))
_building: Any = cgutils  # carries no types


def soon(array: Any, row: int, column: int) -> None:
    """Let the processor fetch the line of memory that holds a number of *array* (2-D, the index within bounds)."""


def _fetch(_typing: Any, array: Any, row: Any, column: Any) -> tuple[Any, Callable[..., Any]]:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, *whole = signature.args
        held = context.make_array(kind)(context, builder, arguments[0])
        index = [context.cast(builder, each, of, types.intp) for each, of in zip(arguments[1:], whole, strict=True)]
        place = builder.bitcast(_building.get_item_pointer(context, builder, kind, held, index), _POINTER)
        prefetch = _building.get_or_insert_function(builder.module, _PREFETCH, "llvm.prefetch.p0")
        builder.call(prefetch, [place, *_TO_READ_NEAREST_DATA])
        return context.get_dummy_value()

    return types.void(array, row, column), emit


fetch: Any = intrinsic(_fetch)


@overload(soon)
def _compiled(array: Any, row: Any, column: Any) -> Callable[..., None]:  # noqa: ARG001 - numba asks by their types
    def hint(array: Any, row: Any, column: Any) -> None:
        fetch(array, row, column)

    return hint
