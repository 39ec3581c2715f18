"""One stage a file: its `Settings`, and `run(settings, context)`, which writes into `context.out` and reports."""
