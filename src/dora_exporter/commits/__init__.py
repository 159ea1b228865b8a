"""What a deployment shipped, and when its commits were written."""
