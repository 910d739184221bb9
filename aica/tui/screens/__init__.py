"""What the menu shows, a module per subject: each a consumer of the use cases of that name."""
