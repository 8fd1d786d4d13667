"""From results to what people read: answers, tables, words."""
