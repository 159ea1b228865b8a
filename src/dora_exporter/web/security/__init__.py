"""Access control: keys, passwords, TLS, hosts and browsers."""
