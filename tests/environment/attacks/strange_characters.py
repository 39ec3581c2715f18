# Claim: lone surrogates arrive as escapes
# Status: ok
class A:
    def __repr__(self):
        return "\ud800\x00"


print("\udcff")
A()
