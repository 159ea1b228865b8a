"""The names that numbers have: spellings, tiers, and what is ignored. Events keep the names they were sent with."""
