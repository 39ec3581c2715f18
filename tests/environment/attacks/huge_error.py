# Claim: an error's text is bounded
# Status: error | memory
raise ValueError("x" * 30_000_000)
