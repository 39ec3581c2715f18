# Claim: output is bounded
# Status: output
while True:
    print("x" * 1000)
