# Claim: a growing list ends as memory
# Status: memory
x = []
while True:
    x.append("x" * (1 << 20) + str(len(x)))
