# Claim: CPU time ends arithmetic that no signal handler could
# Status: time
9**9**9
