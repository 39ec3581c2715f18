# Claim: scratch files end with the action
# Value: 101
import os

for n in range(100):
    open(f"left{n}", "w").write("x")
os.symlink("/etc/shadow", "link")
len(os.listdir("."))
