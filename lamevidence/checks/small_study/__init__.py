"""Small-study effects: regression and rank tests, trim and fill, PET-PEESE."""
