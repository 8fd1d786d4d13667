"""The forest plot: content → layout (data) → drawing."""
