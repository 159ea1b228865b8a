"""The command ``digest``: a report of a period in Markdown."""
