"""What every chapter stands on: errors, units, numbers, options, lineage, catalogues, values, writing."""
