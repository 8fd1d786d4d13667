"""Millions of data sets: arrays, Arrow tables, Parquet data sets with workers."""
