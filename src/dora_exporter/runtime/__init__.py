"""Clock, event loop, threads, processes and log: what any service needs."""
