import pytest

from lamevidence.plots.drawing.measure import typeface


@pytest.fixture(autouse=True)
def dejavu():
    """Figures of the tests are set in the typeface that matplotlib ships, the same on every machine."""
    with typeface("DejaVu Sans"):
        yield
