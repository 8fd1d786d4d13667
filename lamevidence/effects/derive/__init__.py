"""From a question and printed findings to estimates with lineage."""
