"""How long the program takes and how much memory, compared with what it cannot do without. Not part of the product."""
