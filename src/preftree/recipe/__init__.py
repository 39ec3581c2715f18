"""Recipes: stages composed by a YAML file, each resumable. The only place that reads YAML.

In:  a recipe's name or file, and key=value overrides. Out: one directory a stage under the run's directory.
Always true: a finished stage is not run again; a stage begun with other settings is refused, not mixed.
"""

from preftree.recipe.runner import Observer, run_recipe, run_single
from preftree.recipe.settings import load_recipe, load_section

__all__ = ["Observer", "load_recipe", "load_section", "run_recipe", "run_single"]
