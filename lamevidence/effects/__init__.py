"""From printed numbers to effect estimates."""
