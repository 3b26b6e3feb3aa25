"""Apps on phones and desktops: they sign in through the system's browser, and hold tokens that change."""
