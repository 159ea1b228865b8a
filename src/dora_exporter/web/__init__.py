"""HTTP: the API, webhooks, pages and the scrape endpoint."""
