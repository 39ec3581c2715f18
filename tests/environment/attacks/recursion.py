# Claim: deep recursion is an error
# Status: error
# Shows: RecursionError
def f(n):
    return f(n + 1)


f(0)
