"""SAML 2.0: what we say to an identity provider that speaks it, and what we believe of its answer."""
