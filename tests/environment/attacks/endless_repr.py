# Claim: a repr that never ends is stopped
# Status: time
class A:
    def __repr__(self):
        while True:
            pass


A()
