"""What the answer depends on: the rounding of the print, and every choice that could have been made otherwise."""
