# Claim: a reply that is too long is an error or an excess of the program
def @NAME@(*arguments):
    return ["x" * 1000] * 20_000
