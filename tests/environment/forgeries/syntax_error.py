# Claim: what is no program does not pass
# Status: syntax
def @NAME@(*arguments:
