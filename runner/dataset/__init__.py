"""The image index (Parquet and DuckDB), label layouts, and what a folder of images holds."""
