# Claim: CPU time ends it
# Status: time
while True:
    pass
