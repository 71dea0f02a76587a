"""BIMI: the logo that mail programs may show beside mail (draft-brand-indicators-for-message-identification).

They show it only where the domain's DMARC policy is strict, and most of them only with a certificate for the logo.
"""

from typing import Annotated

from pydantic import Field

from model.base import Model

Address = Annotated[str, Field(pattern=r"^https://[^\s;,]+$")]


class Bimi(Model):
    """Where the logo lies, and its certificate."""

    logo: Annotated[Address, Field(pattern=r"\.svg$")]
    """An SVG file of the profile Tiny PS, at most 32 KB."""
    certificate: Address | None = None
    """A PEM file with a Verified or Common Mark Certificate; Gmail shows no logo without."""

    @property
    def record(self) -> str:
        """The TXT record."""
        return f"v=BIMI1; l={self.logo}; a={self.certificate or ''}"


def record_name(domain: str) -> str:
    """Where receivers look for it."""
    return f"default._bimi.{domain}"
