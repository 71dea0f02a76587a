"""The clouds, asked by their official clients with calls that change nothing."""
