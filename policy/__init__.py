"""The policy pack: rules that every preview and update of a mail server's stack is held against."""
