# Claim: a value's text is bounded
# Status: ok
"x" * 30_000_000
