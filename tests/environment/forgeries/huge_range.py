# Claim: a range that can't be gone through is the program's own excess
def @NAME@(*arguments):
    return range(10**15)
