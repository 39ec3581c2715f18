# Claim: only fixed variables come along
# Value: []
# Hides: s3cr3t
import os

sorted(
    name
    for name in os.environ
    if name.startswith("PREFTREE") or "KEY" in name or "TOKEN" in name or name in ("PATH", "USER")
)
