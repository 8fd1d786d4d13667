"""What every figure is drawn with: text that is measured, marks with places in points, axes, the look."""
