"""Who may ask what: keys, passwords, TLS, hosts and browsers."""
