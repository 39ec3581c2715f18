# Claim: open files are bounded
# Status: error
# Shows: Too many open files
files = [open("/dev/null") for _ in range(10_000)]
