"""Reports that receivers send: who sends in a domain's name (DMARC, RFC 9990), and how well they encrypt (RFC 8460)."""
