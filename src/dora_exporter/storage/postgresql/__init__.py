"""The event log in PostgreSQL: tables that any number of replicas append to, and follow in one order.

``migrations/001_log.sql`` is the schema. A row of ``dora.log`` is a record of ``dora_exporter.records`` in the JSON
that the snapshot file has, beside what the database finds it by. ``address`` and ``errors`` need no driver; all else
needs ``dora-exporter[postgresql]``.
"""
