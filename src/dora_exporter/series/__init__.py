"""The numbers of every series and team, kept current."""
