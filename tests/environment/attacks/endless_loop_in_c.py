# Claim: CPU time ends what never comes back to the interpreter
# Status: time
sum(range(10**12))
