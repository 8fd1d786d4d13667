"""Results computed before the rebuild, to be reproduced after it: ``python -m tests.same_numbers``."""
