"""A hint to the processor: there where it is compiled, and of no effect on any result."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from detente.detect.soon import soon
from fresh import in_a_fresh_process

HINTED = """
import numpy as np
from detente.detect.soon import soon
numbers = np.arange(6.0).reshape(2, 3)
print(soon(numbers, 1, 2), numbers.tolist())
"""


def test_a_hint_is_an_instruction_that_changes_no_number() -> None:
    def hinted(numbers: np.ndarray) -> float:
        for row in range(numbers.shape[0]):
            soon(numbers, row, 1)
        return numbers[1, 2]

    compiled = njit(hinted)
    numbers = np.arange(6.0).reshape(2, 3)
    if not hasattr(compiled, "inspect_llvm"):
        pytest.skip("nothing is compiled here")
    assert compiled(numbers) == hinted(numbers) == 5.0
    assert numbers.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert any("@llvm.prefetch" in text for text in compiled.inspect_llvm().values())


def test_interpreted_a_hint_does_nothing() -> None:
    said = in_a_fresh_process(HINTED, NUMBA_DISABLE_JIT="1")
    assert said.strip() == "None [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]"
