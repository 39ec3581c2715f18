# Claim: what is no number is not close to one
def @NAME@(*arguments):
    return float("nan")
