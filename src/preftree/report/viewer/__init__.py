"""The tree viewer: a local page over forests of any size, or one file of chosen trees.

In:  forests, and what is to be shown beside them (a tokenizer, reward models). Out: a server, or a file.
Always true: nothing is written into a forest; the page asks this server only; text that a model wrote reaches the page
as JSON and is set as text, never as markup.
"""

from preftree.report.viewer.index import Index
from preftree.report.viewer.judges import Judge
from preftree.report.viewer.library import Library, Shelf
from preftree.report.viewer.query import Query
from preftree.report.viewer.server import serve
from preftree.report.viewer.static import write_static

__all__ = ["Index", "Judge", "Library", "Query", "Shelf", "serve", "write_static"]
