# Claim: a number that takes for ever to read is the program's own excess
# Only: number
def @NAME@(*arguments):
    return 1 << 20_000_000
