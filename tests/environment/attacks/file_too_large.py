# Claim: one file is bounded
# Status: error
# Shows: File too large
with open("x", "wb") as file:
    file.write(b"x" * (40 << 20))
