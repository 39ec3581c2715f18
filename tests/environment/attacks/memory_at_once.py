# Claim: one huge allocation is refused
# Status: memory
x = bytearray(1 << 33)
