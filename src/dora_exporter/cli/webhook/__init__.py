"""``dora-exporter webhook``: tries what a source makes of the bodies that are pushed to it."""
