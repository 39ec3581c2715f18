# Claim: an allocation error that is swallowed for ever ends as time
# Status: time | memory
x = []
while True:
    try:
        x.append(bytearray(1 << 22))
    except MemoryError:
        pass
