# Claim: scratch space is bounded
# Status: error
# Shows: No space left on device
for number in range(1000):
    with open(f"{number}", "wb") as file:
        file.write(b"x" * (4 << 20))
