"""The sandbox's certificate authorities (RFC 8555): two Pebbles, and the server in front of them."""
