# Claim: the number of files is bounded
# Status: error
# Shows: No space left on device
for number in range(100_000):
    open(str(number), "w").close()
