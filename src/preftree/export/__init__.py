"""A forest into training rows, the one place that builds them, and published rows back into a forest.

In:  a forest. Out: JSONL or Parquet in UltraInteract's columns or in TRL's, with a card; and back.
Always true: rows come in the order of the problems; times and costs are left out, so equal trees give equal bytes.
"""

from preftree.export.importing import ImportReport, import_rows
from preftree.export.rows import pair_rows, sft_rows
from preftree.export.run import ExportReport, Push, export
from preftree.export.settings import ExportSettings

__all__ = [
    "ExportReport",
    "ExportSettings",
    "ImportReport",
    "Push",
    "export",
    "import_rows",
    "pair_rows",
    "sft_rows",
]
