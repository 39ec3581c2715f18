# Claim: of two processes that answer, the last word of the first counts
# Value: 'parent'
import os

child = os.fork()
if child:
    os.waitpid(child, 0)
"child" if child == 0 else "parent"
