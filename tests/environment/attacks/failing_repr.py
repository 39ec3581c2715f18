# Claim: a repr that fails is an error
# Status: error
# Shows: ValueError: no
class A:
    def __repr__(self):
        raise ValueError("no")


A()
