# Claim: what a program does to its arguments is no result
def @NAME@(*arguments):
    for argument in arguments:
        if isinstance(argument, list):
            argument.clear()
    return None
