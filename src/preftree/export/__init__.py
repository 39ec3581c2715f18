"""A forest into training rows: the one place that builds pairs.

In:  a forest. Out: JSONL or Parquet in UltraInteract's columns.
Always true: rows come in the order of the problems; times and costs are left out, so equal trees give equal bytes.
"""

from preftree.export.rows import ExportReport, ExportSettings, export, pair_rows, sft_rows

__all__ = ["ExportReport", "ExportSettings", "export", "pair_rows", "sft_rows"]
