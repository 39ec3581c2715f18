# Claim: a program without the function does not pass
# Status: error | failed
other = 3
