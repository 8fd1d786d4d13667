"""One profile for property tests: no deadline on shared machines, the same examples in every run."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
